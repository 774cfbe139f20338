export { type Check, type CheckStatus, type DoctorOptions, runDoctor } from "./doctor.ts";
