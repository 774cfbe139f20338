// The door of `shows`: show files, runs, the board the pages see, the director, the studio.

export { createBoard } from "./board.ts";
export type { Admission, Board, BoardMemory, BoardParts } from "./board-port.ts";
export type { RoundLevel, SealedWindow } from "./board-round.ts";
export * from "./definition.ts";
export { createDirector } from "./director.ts";
export type {
  Actor,
  ActResult,
  ChosenBeacon,
  CueAct,
  Director,
  DirectorParts,
  ShowClock,
} from "./director-port.ts";
export { createDrawer, type DrawerParts, type VerifiedBeacon } from "./drawer.ts";
export { loadShow } from "./load-show.ts";
export { type ParsedShow, parseShow } from "./parse-show.ts";
export { drawIdOf, drawIds, poolIdOf, type Run, runEndsAtMs } from "./run-plan.ts";
export {
  type CueStore,
  createCueStore,
  type OpenedRun,
  type OpenRunOptions,
  openRun,
  readRuns,
} from "./run-store.ts";
export { showClock } from "./show-clock.ts";
export { type ShowRoutesDeps, showRoutes } from "./show-routes.ts";
export { formatProblem, summaryOf } from "./show-summary.ts";
export type { AwardActResult, StudioAwards, StudioRoutesDeps } from "./studio-parts.ts";
export { studioRoutes } from "./studio-routes.ts";
