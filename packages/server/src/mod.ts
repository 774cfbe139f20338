// The door of the server: what the command line and the tools use of it.
export { createBls, createDrandSource } from "./beacons/mod.ts";
export {
  CLUSTER_VERSION,
  Cluster,
  type HouseView,
  LEASE_MS,
  Liveness,
  type Member,
  type MemberStore,
  type Self,
  type SelfState,
} from "./cluster/mod.ts";
export * from "./engine/mod.ts";
export { createOrigins, qrCodeOf } from "./http/mod.ts";
export { exampleShowFile, type Night, type NightOptions, startNight } from "./main.ts";
export { readServerFile, type ServerFile } from "./night/mod.ts";
export { createLimits, loadSecrets, makeRehearsalGrant, type Secret, type Session } from "./people/mod.ts";
export * from "./platform/mod.ts";
export { createShowSigner, type ShowSigner, writeProof } from "./proofs/mod.ts";
export {
  createGateway,
  createRoom,
  memoryBytesOfProcess,
  type Room,
  realClock,
  socketsMaxOf,
  textFrame,
} from "./rooms/mod.ts";
export {
  formatProblem,
  loadShow,
  parseShow,
  type Run,
  runEndsAtMs,
  type ShowDefinition,
  type ShowProblem,
  summaryOf,
} from "./shows/mod.ts";
