export { binariesPackage, findBinaries } from "./binaries.ts";
export { type ConnectionFile, readConnectionFile } from "./connection-file.ts";
export {
  type EmbeddedOptions,
  type EmbeddedOutcome,
  EmbeddedPostgres,
  startEmbeddedPostgres,
} from "./embedded-postgres.ts";
export { type LockedFolder, lockDataFolder } from "./folder-lock.ts";
export { chooseLauncher, commandOf, type Launcher, namespacesWork } from "./launcher.ts";
export { freePort } from "./postmaster.ts";
export { identifyProcess, isAlive, isPostgresOf, processPlace, processStartedAt } from "./processes.ts";
