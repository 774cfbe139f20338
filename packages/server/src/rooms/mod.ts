// The door of `rooms`: the room and its lanes, the WebSocket gateway, the same over plain HTTP.

export { textFrame } from "./frames.ts";
export { createGateway, type Gateway, type GatewayOptions, type GatewayStats } from "./gateway.ts";
export {
  type Admission,
  type CheckPort,
  createIntake,
  type Done,
  type EnginePort,
  type EngineTrouble,
  type Intake,
  type ShowPort,
  type TakeOutcome,
  type TapOutcome,
} from "./intake.ts";
export type { MePayload } from "./me-lane.ts";
export { type Outlet, type RoomClock, realClock } from "./outlet.ts";
export {
  type CountsSource,
  createRoom,
  type JoinRequest,
  type Member,
  Room,
  type RoomOptions,
  type RoomStats,
  tickMsFor,
} from "./room.ts";
export { type RoomRoutesDeps, roomRoutes } from "./routes.ts";
export { memoryBytesOfProcess, socketsMaxOf } from "./sockets-max.ts";
