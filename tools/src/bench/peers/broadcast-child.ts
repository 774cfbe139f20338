// Servers that send the same messages to everybody: the room of this house behind its own gateway, Socket.IO, and a plain
// loop over `ws`. Usage: node broadcast-child.js <wanhui|socket.io|ws>; lines of JSON in, a line of JSON out.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Server as SocketIo } from "socket.io";
import { WebSocketServer } from "ws";
import { openBareRoom } from "../bare-room.ts";
import { MESSAGE_WORD } from "../load/dialects.ts";

/** What it can be told: where it is, or to send that many messages a second. */
export type BroadcastOrder =
  | { readonly do: "where" }
  | { readonly do: "send"; readonly perSecond: number; readonly seconds: number };
export type BroadcastAnswer = { readonly port: number; readonly sent: number };

const http = createServer();
const kind = process.argv[2];

/** A window's result, told to everybody: about two hundred and fifty bytes. */
function messageOf(n: number) {
  const draw = `${MESSAGE_WORD}/${"x".repeat(120)}`;
  const numbers = { window: n, entries: 1_000, units: 10, winners: 10, round: n, resultAtMs: Date.now() };
  return { t: "drawn", draw, ...numbers } as const;
}

function sender(): (n: number) => void {
  if (kind === "wanhui") {
    const room = openBareRoom(http);
    return (n) => room.publish([messageOf(n)]);
  }
  if (kind === "socket.io") {
    const io = new SocketIo(http, { transports: ["websocket"], serveClient: false });
    return (n) => void io.emit("message", messageOf(n));
  }
  const server = new WebSocketServer({ server: http });
  return (n) => {
    const text = JSON.stringify(messageOf(n));
    for (const socket of server.clients) socket.send(text);
  };
}

const send = sender();
http.listen(0, "127.0.0.1");
await once(http, "listening");
const { port } = http.address() as AddressInfo;

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as BroadcastOrder;
  let sent = 0;
  if (order.do === "send") {
    const begun = performance.now();
    const all = order.perSecond * order.seconds;
    while (sent < all) {
      const due = Math.min(all, Math.floor(((performance.now() - begun) / 1_000) * order.perSecond));
      for (; sent < due; sent += 1) send(sent);
      await sleep(1_000 / order.perSecond);
    }
    // The last ones are on their way.
    await sleep(500);
  }
  process.stdout.write(`${JSON.stringify({ port, sent } satisfies BroadcastAnswer)}\n`);
}

process.exit(0);
