// The door of `night`: neighbours put together, for the composition root alone.

export { createAddresses } from "./addresses.ts";
export { createBoardTeller } from "./board-teller.ts";
export { type Boards, createBoards } from "./boards.ts";
export { createDatabaseWatch } from "./database-watch.ts";
export { makeEngineRoom, startEngine } from "./engine-room.ts";
export { createExpectedBeacon, type ExpectedBeacon } from "./expected-beacon.ts";
export { makeFront, makeRoom } from "./front.ts";
export { clockKeeper, closeGround, type Ground, openGround } from "./ground.ts";
export { createHouseCounts } from "./house-counts.ts";
export { createOrderNumbers } from "./order-numbers.ts";
export { openPages } from "./pages.ts";
export { openProofs } from "./proofs.ts";
export { proofsFolder } from "./proofs-folder.ts";
export { readServerFile, type ServerFile, writtenServerFile } from "./server-file.ts";
export { endingService } from "./services.ts";
export { makeShop } from "./shop.ts";
export { makeStage } from "./stage.ts";
