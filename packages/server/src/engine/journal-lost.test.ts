import { createServer, type Server, type Socket } from "node:net";
import type { Hash } from "@wanhui/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPostgresJournal } from "./journal-postgres.ts";

// A PostgreSQL that is going down: it takes the connection, says so, and hangs up, all in one packet or in several.

const FATAL = Buffer.from("SFATAL\0VFATAL\0C57P03\0Mthe database system is shutting down\0\0");
const refusal = Buffer.concat([Buffer.from("E"), Buffer.alloc(4), FATAL]);
refusal.writeInt32BE(FATAL.length + 4, 1);

let server: Server;
let url = "";
let ends: (socket: Socket) => void = (socket) => socket.end(refusal);
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => void unhandled.push(reason);

beforeAll(async () => {
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => ends(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `postgres://a:b@127.0.0.1:${typeof address === "object" ? address?.port : 0}/wanhui`;
  process.on("unhandledRejection", onUnhandled);
});
afterAll(async () => {
  process.off("unhandledRejection", onUnhandled);
  await new Promise((resolve) => server.close(resolve));
});

const row = {
  shard: 0,
  seq: 1,
  epoch: 1,
  previousHash: "00".repeat(32) as Hash,
  hash: "11".repeat(32) as Hash,
  atMs: 1,
  payload: new Uint8Array(1),
};

test.each([
  ["says so and hangs up", (socket: Socket) => socket.end(refusal)],
  ["hangs up without a word", (socket: Socket) => socket.end()],
  ["resets the connection", (socket: Socket) => socket.resetAndDestroy()],
  ["says so and resets", (socket: Socket) => socket.write(refusal, () => socket.resetAndDestroy())],
  ["hangs up in the middle of a word", (socket: Socket) => socket.end(refusal.subarray(0, 9))],
])("[JR7] [FT6] a server that %s fails the append, and nothing else, however often", async (_, way) => {
  ends = way;
  const journal = createPostgresJournal({ url });
  for (let n = 0; n < 50; n += 1) {
    await expect(journal.append([row])).rejects.toThrow();
    await expect(
      journal.checkFence([{ shard: 0, epoch: 1, seq: 0, hash: "00".repeat(32) as Hash }]),
    ).rejects.toThrow();
  }
  await journal.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
});
