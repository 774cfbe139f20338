// The door of the crowd: a synthetic television audience for rehearsals (docs/spec/crowd.md).

export {
  type CrowdOptions,
  type CrowdPoint,
  type CrowdProgress,
  type CrowdReport,
  runCrowd,
} from "./crowd.ts";
export type { Finding } from "./invariants.ts";
export { type HeardResult, Ledger, type Told } from "./ledger.ts";
export { progressLine, reportText } from "./report.ts";
