// The door of `night`: neighbours put together, for the composition root alone.

export { createAddresses } from "./addresses.ts";
export { createBoardTeller } from "./board-teller.ts";
export { type Boards, createBoards } from "./boards.ts";
export { createDatabaseWatch } from "./database-watch.ts";
export { makeEngineRoom } from "./engine-room.ts";
export { createExpectedBeacon, type ExpectedBeacon } from "./expected-beacon.ts";
export { makeFront, makeRoom } from "./front.ts";
export { clockKeeper, type Ground, openGround } from "./ground.ts";
export { createOrderNumbers } from "./order-numbers.ts";
export { openPages } from "./pages.ts";
export { openProofs } from "./proofs.ts";
export { readServerFile, removeServerFile, type ServerFile, writeServerFile } from "./server-file.ts";
export { endingService, watchedDatabase } from "./services.ts";
export { openShop } from "./shop.ts";
export { makeStage } from "./stage.ts";
