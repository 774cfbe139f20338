import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../platform/mod.ts";
import { createTestDatabase, createTestFolder, removeTestFolder } from "../platform/testing.ts";
import { closeGround, openGround } from "./mod.ts";

/** A wire to the real server that holds questions for the time of day back for as long as it is told to. */
async function startSlowWire(url: string, holdMs: () => number) {
  const { hostname, port } = new URL(url);
  const sockets: Socket[] = [];
  const wire = createServer((client) => {
    const server = connect(Number(port), hostname);
    sockets.push(client, server);
    client.on("error", () => server.destroy());
    server.on("error", () => client.destroy());
    server.pipe(client);
    client.on("end", () => server.end());
    client.on("data", (chunk) => {
      const asksTime = chunk.includes("extract(epoch from clock_timestamp())");
      if (asksTime && holdMs() > 0) setTimeout(() => server.write(chunk), holdMs());
      else server.write(chunk);
    });
  });
  await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
  const bound = wire.address();
  const slow = new URL(url);
  slow.port = String(typeof bound === "object" ? bound?.port : 0);
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => wire.close(resolve));
  };
  return { url: slow.href, stop };
}

test("[JR10] a database that is too slow to tell the time by is waited for at the start", async () => {
  const database = await createTestDatabase();
  const folder = await createTestFolder();
  let holdMs = 300;
  const wire = await startSlowWire(database.url, () => holdMs);
  try {
    const flags = { data: join(folder, "data"), "database-url": wire.url, "log-level": "silent" };
    const said: string[] = [];
    const ground = await openGround({
      config: loadConfig({ env: {}, flags }),
      join: false,
      onProgress: (sentence) => {
        said.push(sentence);
        holdMs = 0;
      },
    });
    expect(said).toEqual(["Waiting for the database's clock"]);
    expect(Math.abs(ground.clock.nowMs() - Date.now())).toBeLessThan(1_000);
    await closeGround(ground, false);
  } finally {
    await wire.stop();
    await database.drop();
    await removeTestFolder(folder);
  }
});
