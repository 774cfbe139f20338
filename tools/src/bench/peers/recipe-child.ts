// The usual recipe for a flash sale, as tutorials have it: `ws`, ioredis, and a Lua script that takes one unit.
// Usage: node recipe-child.js <redis socket>; answers any line with its port.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { redisScripts } from "../grabs-redis.ts";

type Grabbing = Redis & { grab(stock: string, users: string, user: string): Promise<number> };

const redis = new Redis(process.argv[2] ?? "") as Grabbing;
redis.defineCommand("grab", { numberOfKeys: 2, lua: redisScripts["per-grab"].source });

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket) => {
  socket.on("message", async (data) => {
    const { user } = JSON.parse(String(data)) as { user: string };
    const answer = await redis.grab("stock", "users", user);
    socket.send(JSON.stringify({ ok: answer === 1 }));
  });
});
await once(server, "listening");

for await (const _ of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
}

process.exit(0);
