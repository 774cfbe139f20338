import { randomBytes } from "node:crypto";
import type { RequestId, UserId } from "@wanhui/core";
import { startEngine } from "./grabs-engine.ts";
import { type PostgresForm, postgresGrabs } from "./grabs-postgres.ts";
import { type RedisScript, redisGrabs } from "./grabs-redis.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";
import { type BenchRow, peerRow } from "./rows.ts";

/** Rounds of each side, by turns: enough for a median that one bad moment does not move. */
const ROUNDS = 5;
/** Wishes on their way at once, on both sides: a hot sale's queue, some tens of milliseconds of work. */
const IN_FLIGHT = 8_192;
/** Grabs of one round; the per-grab script gets fewer, so that its round takes about as long. */
const GRABS = 256_000;
const GRABS_ONE_BY_ONE = 64_000;
const GRABS_OF_A_ROW = 2_000;

const WORK = "durable grabs of one pool";
const oursSays = "ours: on disk before the answer, hash chain, retry answered alike";
const theirs = {
  always: "Redis: on disk before the answer, retry seen",
  everysec: "Redis: up to 1 s of answers may be lost, retry seen",
  postgres: "PostgreSQL: on disk before the answer, retry seen",
};

/** Somebody to be measured beside. */
type Peer = {
  readonly work: string;
  readonly peerName: string;
  readonly guarantee: string;
  /** Grabs of one round, so that it takes about as long as ours. */
  readonly grabs: number;
  readonly play: (users: readonly string[]) => Promise<{ readonly perSecond: number }>;
};

function peersOf(servers: {
  readonly always: RedisServer;
  readonly everysec: RedisServer;
  readonly postgresUrl: string;
}): Peer[] {
  const redis = (script: RedisScript, fsync: "always" | "everysec"): Peer["play"] => {
    return (users) => redisGrabs({ server: servers[fsync], script, users, inFlight: IN_FLIGHT });
  };
  const postgres = (form: PostgresForm): Peer["play"] => {
    return (users) => postgresGrabs({ url: servers.postgresUrl, form, users });
  };
  const batch = { peerName: "redis 64-user batch", grabs: GRABS };
  const row = { peerName: "postgres hot row", guarantee: theirs.postgres };
  return [
    {
      work: WORK,
      peerName: "redis per-grab",
      guarantee: theirs.always,
      grabs: GRABS_ONE_BY_ONE,
      play: redis("per-grab", "always"),
    },
    {
      work: `${WORK}, the peer syncing once a second`,
      peerName: "redis per-grab",
      guarantee: theirs.everysec,
      grabs: GRABS_ONE_BY_ONE,
      play: redis("per-grab", "everysec"),
    },
    { ...batch, work: WORK, guarantee: theirs.always, play: redis("64-user batch", "always") },
    {
      ...batch,
      work: `${WORK}, the peer with set operations`,
      guarantee: theirs.always,
      play: redis("64-user batch, set operations", "always"),
    },
    {
      ...batch,
      work: `${WORK}, the peer syncing once a second`,
      guarantee: theirs.everysec,
      play: redis("64-user batch", "everysec"),
    },
    { ...row, work: WORK, grabs: GRABS_OF_A_ROW, play: postgres("one by one") },
    {
      ...row,
      work: `${WORK}, the peer with 64 buyers a statement`,
      grabs: GRABS_ONE_BY_ONE,
      play: postgres("64 per statement"),
    },
  ];
}

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
    const peers = peersOf({ always, everysec, postgresUrl: engine.url });
    const ours: number[] = [];
    const their = peers.map(() => [] as number[]);
    // Round 0 warms up both sides and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      const users = ids(GRABS) as UserId[];
      const requests = ids(GRABS) as RequestId[];
      const { perSecond } = await engine.grabs({ users, requests, inFlight: IN_FLIGHT });
      const line = [`ours ${Math.round(perSecond)}`];
      for (const [index, { work, peerName, grabs, play }] of peers.entries()) {
        const peer = await play(users.slice(0, grabs));
        line.push(`${peerName}${work.slice(WORK.length)} ${Math.round(peer.perSecond)}`);
        if (round > 0) their[index]?.push(peer.perSecond);
      }
      if (round > 0) ours.push(perSecond);
      say(`grabs ${round === 0 ? "warm-up" : `${round}/${rounds}`}: ${line.join(", ")}`);
    }
    const { grants } = await engine.checkJournal();
    say(`grabs: ${grants} grants read again from the journal`);
    return peers.map(({ work, peerName, guarantee }, index) =>
      peerRow({
        work,
        unit: "grabs/s",
        peerName,
        guarantee: `${oursSays}; ${guarantee}`,
        ours,
        peer: their[index] ?? [],
      }),
    );
  } finally {
    for (const server of servers) await server.stop();
    await engine.stop();
  }
}
