// What a page or a program needs to be in a room. No dependency, nothing at load time; browser and Node 20.

export { backoffMs } from "./backoff.ts";
export type { CheckState } from "./check/checks.ts";
export type { OnProgress } from "./check/solve.ts";
export { ServerClock } from "./clock.ts";
export { connect } from "./connect.ts";
export { foldCounts, foldShow } from "./fold.ts";
export { heardNdjson } from "./heard.ts";
export { newNonce, newRequestId, userKeyOf } from "./keys.ts";
export type {
  ClientEvents,
  ClientOptions,
  ClientSocket,
  ClientStatus,
  ClientStorage,
  HeardCount,
  RefusedTaps,
  RoomClient,
  SocketConstructor,
  TakeOutcome,
} from "./options.ts";
export { RoundTracker, type TrackedWindow, type WindowFate } from "./tracker.ts";
