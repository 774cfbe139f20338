import { randomBytes } from "node:crypto";
import type { RequestId, UserId } from "@wanhui/core";
import { startEngine } from "./grabs-engine.ts";
import { type RedisScript, redisGrabs, redisScripts } from "./grabs-redis.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";
import { type BenchRow, peerRow } from "./rows.ts";

/** Rounds of each side, by turns: enough for a median that one bad moment does not move. */
const ROUNDS = 5;
/** Wishes on their way at once, on both sides: a hot sale's queue, some tens of milliseconds of work. */
const IN_FLIGHT = 8_192;
/** Grabs of one round; the per-grab script gets fewer, so that its round takes about as long. */
const GRABS = 256_000;
const GRABS_ONE_BY_ONE = 64_000;

const oursSays = "ours: on disk before the answer, hash chain, retry answered alike";
const theirs = {
  always: "Redis: on disk before the answer, retry seen",
  everysec: "Redis: up to 1 s of answers may be lost, retry seen",
};

/** Distinct ids of 16 bytes in hex, as flat strings. */
function ids(count: number): string[] {
  const text = randomBytes(count * 16).toString("hex");
  return Array.from({ length: count }, (_, n) =>
    Buffer.from(text.slice(n * 32, n * 32 + 32)).toString("latin1"),
  );
}

/**
 * Durable grabs in this process against Redis on this machine, by turns. Every grab is a win of a distinct user;
 * both sides are counted after every round, and ours once more from the journal at the end.
 */
export async function benchGrabs(options: {
  readonly say: (text: string) => void;
  readonly rounds?: number;
}): Promise<BenchRow[]> {
  const { say, rounds = ROUNDS } = options;
  const servers: RedisServer[] = [];
  const engine = await startEngine();
  try {
    servers.push(await startRedis("always"), await startRedis("everysec"));
    const [always, everysec] = servers as [RedisServer, RedisServer];
    say(`redis ${always.version} and the embedded PostgreSQL are up`);
    const peers: { name: string; script: RedisScript; server: RedisServer; fsync: keyof typeof theirs }[] = [
      { name: "redis per-grab", script: "per-grab", server: always, fsync: "always" },
      { name: "redis 64-user batch", script: "64-user batch", server: always, fsync: "always" },
      {
        name: "redis 64-user batch, set operations",
        script: "64-user batch, set operations",
        server: always,
        fsync: "always",
      },
      { name: "redis 64-user batch, everysec", script: "64-user batch", server: everysec, fsync: "everysec" },
    ];
    const ours: number[] = [];
    const their = peers.map(() => [] as number[]);
    // Round 0 warms up both sides and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      const users = ids(GRABS) as UserId[];
      const requests = ids(GRABS) as RequestId[];
      const { perSecond } = await engine.grabs({ users, requests, inFlight: IN_FLIGHT });
      const line = [`ours ${Math.round(perSecond)}`];
      for (const [index, { name, script, server }] of peers.entries()) {
        const wanted = redisScripts[script].usersPerCall === 1 ? users.slice(0, GRABS_ONE_BY_ONE) : users;
        const peer = await redisGrabs({ server, script, users: wanted, inFlight: IN_FLIGHT });
        line.push(`${name} ${Math.round(peer.perSecond)}`);
        if (round > 0) their[index]?.push(peer.perSecond);
      }
      if (round > 0) ours.push(perSecond);
      say(`grabs ${round === 0 ? "warm-up" : `${round}/${rounds}`}: ${line.join(", ")}`);
    }
    const { grants } = await engine.checkJournal();
    say(`grabs: ${grants} grants read again from the journal`);
    return peers.map(({ name, fsync }, index) =>
      peerRow({
        work: "durable grabs of one pool",
        unit: "grabs/s",
        peerName: name,
        guarantee: `${oursSays}; ${theirs[fsync]}`,
        ours,
        peer: their[index] ?? [],
      }),
    );
  } finally {
    for (const server of servers) await server.stop();
    await engine.stop();
  }
}
