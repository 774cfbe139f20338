// The door of `platform`: everything the capabilities need of the machine.

export { readBuild } from "./build.ts";
export * from "./bus/mod.ts";
export {
  AnchoredClock,
  type Clock,
  type ClockStep,
  readDatabaseClock,
  slewPpmMax,
  stepMs,
  systemClock,
} from "./clock.ts";
export * from "./config/mod.ts";
export * from "./database/mod.ts";
export * from "./doctor/mod.ts";
export { errorCode, errorMessage, Fault } from "./fault.ts";
export { FolderKeeper } from "./folder-keeper.ts";
export { createLog, humanLine, type Log, type LogLevel, logLevels, silentLog } from "./log.ts";
export { type MetricName, Metrics, type Observer, type Sample } from "./metrics.ts";
export { patiently } from "./patience.ts";
export * from "./postgres/mod.ts";
export {
  findServerDatabase,
  openServerDatabase,
  type ServerDatabase,
  type ServerDatabaseOptions,
} from "./server-database.ts";
export { runServices, type Service } from "./service.ts";
export { sha256 } from "./sha256.ts";
export { type ServedSpan, serverSpan, traced } from "./tracing.ts";
export { withSignal } from "./with-signal.ts";
