import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeCommand } from "../redis-server.ts";
import type { Asker } from "./load-child.ts";

const COLON = ":".charCodeAt(0);
const ONE = "1".charCodeAt(0);
/** Connections that open at the same time: Redis keeps 511 in line. */
const OPENING = 64;
const TRIES_MAX = 100;
const TRY_AGAIN_MS = 10;

/** Clients of Redis itself, each with a connection of its own and one wish outstanding. */
export async function openRedisSockets(order: {
  readonly socketPath: string;
  readonly sockets: number;
  readonly script: string;
}): Promise<Asker[]> {
  const askers: Asker[] = [];
  let next = 0;
  const one = async () => {
    while (next < order.sockets) {
      const client = next;
      next += 1;
      askers.push(await openOne(order, client));
    }
  };
  await Promise.all(Array.from({ length: OPENING }, one));
  return askers;
}

/** A UNIX socket whose line is full refuses at once, where TCP would ask again by itself. */
async function patientConnect(socketPath: string): Promise<Socket> {
  for (let tries = 1; ; tries += 1) {
    const socket = connect(socketPath);
    try {
      await once(socket, "connect");
      return socket;
    } catch (error) {
      if (tries === TRIES_MAX) throw error;
      await sleep(TRY_AGAIN_MS);
    }
  }
}

async function openOne(
  { socketPath, script }: { readonly socketPath: string; readonly script: string },
  client: number,
): Promise<Asker> {
  const socket = await patientConnect(socketPath);
  let frames: Buffer[] = [];
  const asker: Asker = {
    prepare(_pool, each) {
      frames = Array.from({ length: each }, (_, n) =>
        Buffer.from(encodeCommand(["EVALSHA", script, 2, "stock", "users", `${client}-${n}`])),
      );
    },
    send: (n) => void socket.write(frames[n] as Buffer),
    onAnswer: () => undefined,
  };
  // One wish outstanding, one integer back: a chunk is a whole answer.
  socket.on("data", (bytes) => {
    if (bytes[0] !== COLON) throw new Error(`Redis: ${bytes.toString("latin1")}`);
    asker.onAnswer(bytes[1] === ONE);
  });
  return asker;
}
