import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShowView } from "@wanhui/protocol";
import { audit, isAlive } from "@wanhui/server";
import { verifyProof } from "@wanhui/verify";
import { nodeSha256 } from "@wanhui/verify/node";
import type pg from "pg";
import type { ServerProcess } from "./server-process.fixture.ts";
import { drained, joinDatabase, readTables, type Tables } from "./tables.fixture.ts";
import { createHeard, type Heard, Viewer } from "./viewer.fixture.ts";

/** Enough to keep an append on its way nearly all the time, few enough for two cores shared with the server. */
const VIEWERS = 24;
/** Sockets of the one person who is everywhere. */
const SOCKETS_OF_ONE = 20;
/** Answers heard after a fault before the next: the night must be going on. */
const ANSWERS_BETWEEN = 25;
const answerPatienceMs = 30_000;
const nightPatienceMs = 120_000;
const proofPatienceMs = 20_000;

/** Everything the tests look at when a night is over. */
export type Night = {
  readonly run: string;
  readonly heard: Heard;
  readonly viewers: readonly Viewer[];
  /** The person with twenty sockets. */
  readonly everywhere: Viewer;
  readonly tables: Tables;
  readonly audit: { readonly ok: boolean; readonly difference?: string };
  readonly proofs: readonly { draw: string; consistent: boolean; failure: string | null }[];
};

/** Something that goes wrong, and is over when it resolves: everything that should run runs again. */
export type Fault = { readonly name: string; inflict(): Promise<void> };

export type NightOptions = {
  /** The processes of the night; people are spread over them. */
  readonly servers: readonly ServerProcess[];
  /** In this order, spread over the night. */
  readonly faults: readonly Fault[];
  readonly say: (text: string) => void;
  /** The database, when it is not the one in the data folder. */
  readonly database?: pg.Pool;
};

/** Plays one night on running servers while everything goes wrong, and reads what is left. */
export async function playNight(options: NightOptions): Promise<Night> {
  const { servers, faults, say } = options;
  const urls = servers.map(({ url }) => url);
  const heard = createHeard();
  const ended = new AbortController();
  // Every socket listens.
  setMaxListeners(0, ended.signal);
  const first = await readShow(servers);
  const viewers = await Promise.all(Array.from({ length: VIEWERS }, () => Viewer.signIn(urls, heard)));
  const everywhere = await Viewer.signIn(urls, heard);
  const running = [
    ...viewers.map((viewer) => viewer.run(ended.signal)),
    everywhere.run(ended.signal, SOCKETS_OF_ONE),
  ];
  try {
    const endsAtMs = Math.max(...first.rounds.map(({ closesAtMs }) => closesAtMs));
    for (const [n, fault] of faults.entries()) {
      await underLoad(servers, heard);
      // The faults are spread over the night: what is left of it, shared by those still to come.
      const shareMs = Math.max(0, endsAtMs - Date.now()) / (faults.length - n);
      await sleep(Math.random() * Math.min(4_000, shareMs));
      await fault.inflict();
      const { entries, grants } = heard;
      say(`fault ${n + 1}/${faults.length} (${fault.name}): ${entries.size} entries, ${grants.size} grants`);
    }
    await underLoad(servers, heard);
    await roundsOver(servers, say);
    ended.abort();
    await Promise.all(running);
    return await theEnd({ heard, viewers, everywhere, run: first.run }, options);
  } finally {
    ended.abort();
  }
}

async function theEnd(
  known: Omit<Night, "tables" | "audit" | "proofs">,
  { servers, database }: NightOptions,
): Promise<Night> {
  const { rounds } = await readShow(servers);
  // Every process wrote its own from what it heard.
  const proofs = servers.flatMap(({ url }) => rounds.map(({ draw }) => checkProof(url, draw)));
  const pool = database ?? (await joinDatabase(servers[0]?.dataFolder ?? ""));
  try {
    await drained(pool);
    return {
      ...known,
      proofs: await Promise.all(proofs),
      tables: await readTables(pool, known.run),
      audit: await audit(pool),
    };
  } finally {
    if (database === undefined) await pool.end();
  }
}

/** What a night that is over shows: the show, the proofs without their foot, what some people and everybody together won. */
export async function everythingShown(server: ServerProcess, { viewers, everywhere }: Night) {
  const show = await readShow([server]);
  const { rounds, rains, prizes, cues, counts } = show;
  const proofs = await Promise.all(
    rounds.map(async ({ draw }) => {
      const answer = await fetch(`${server.url}/api/draws/${encodeURIComponent(draw)}/proof`);
      const lines = (await answer.text()).trimEnd().split("\n");
      return { status: answer.status, lines: lines.slice(0, -1) };
    }),
  );
  const awards = await Promise.all([...viewers, everywhere].map((viewer) => viewer.awards()));
  return { rounds, rains, prizes, cues, counts: { ...counts, viewers: 0 }, proofs, awards };
}

/** kill -9 of a lone server, and its start on the same folder. */
export function serverKill(server: ServerProcess): Fault {
  return {
    name: "server",
    async inflict() {
      await server.kill();
      await server.start();
    },
  };
}

/** PostgreSQL killed with `immediate`. @param onDone whether the server lived on, and another PostgreSQL came */
export function databaseKill(
  server: ServerProcess,
  onDone: (outcome: { sameServer: boolean; newPostmaster: boolean }) => void,
): Fault {
  return { name: "PostgreSQL", inflict: async () => onDone(await killDatabase(server)) };
}

async function readShow(servers: readonly ServerProcess[]): Promise<ShowView> {
  const answer = await fetch(`${servers[0]?.url}/api/show`);
  return (await answer.json()) as ShowView;
}

/** Waits until answers come again: a fault into silence would prove nothing. */
async function underLoad(servers: readonly ServerProcess[], heard: Heard): Promise<void> {
  const wanted = heard.answers + ANSWERS_BETWEEN;
  const until = performance.now() + answerPatienceMs;
  while (heard.answers < wanted) {
    if (performance.now() > until) {
      const troubles = JSON.stringify(Object.fromEntries(heard.troubles));
      throw new Error(`No answers any more: ${troubles}\n${await logs(servers)}`);
    }
    await sleep(20);
  }
}

async function logs(servers: readonly ServerProcess[]): Promise<string> {
  return (await Promise.all(servers.map((server) => server.log()))).join("\n----\n");
}

async function killDatabase(server: ServerProcess): Promise<{ sameServer: boolean; newPostmaster: boolean }> {
  const before = await server.postmasterPid();
  if (before === null) throw new Error("There is no PostgreSQL to kill");
  const { pid } = server;
  // SIGQUIT is PostgreSQL's own `immediate`: no checkpoint, no goodbye.
  process.kill(before, "SIGQUIT");
  while (await isAlive(before)) await sleep(10);
  const until = performance.now() + answerPatienceMs;
  let after = await server.postmasterPid();
  while ((after === null || after === before || !(await isAlive(after))) && performance.now() < until) {
    await sleep(50);
    after = await server.postmasterPid();
  }
  return {
    sameServer: server.isRunning && server.pid === pid,
    newPostmaster: after !== null && after !== before,
  };
}

async function roundsOver(servers: readonly ServerProcess[], say: (text: string) => void): Promise<void> {
  const until = performance.now() + nightPatienceMs;
  for (;;) {
    const { rounds } = await readShow(servers);
    if (rounds.every(({ phase }) => phase === "closed")) return;
    if (performance.now() > until) {
      const phases = rounds.map(({ slug, phase }) => `${slug} ${phase}`).join(", ");
      throw new Error(`The night does not end: ${phases}\n${await logs(servers)}`);
    }
    say(
      `waiting for the last window: ${rounds.map(({ phase, drawnThrough }) => `${phase} ${drawnThrough}`).join(", ")}`,
    );
    await sleep(2_000);
  }
}

/** Asked again for a while: a process that was cut off a moment ago has still to read the last results. */
async function checkProof(url: string, draw: string): Promise<Night["proofs"][number]> {
  const until = performance.now() + proofPatienceMs;
  for (;;) {
    const found = await lookAtProof(url, draw);
    if (found.consistent || performance.now() > until) return found;
    await sleep(500);
  }
}

async function lookAtProof(url: string, draw: string): Promise<Night["proofs"][number]> {
  const answer = await fetch(`${url}/api/draws/${encodeURIComponent(draw)}/proof`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  async function* source() {
    yield bytes;
  }
  const verdict = await verifyProof(source(), { sha256: nodeSha256 });
  const { failure } = verdict;
  return {
    draw,
    consistent: answer.ok && failure === null,
    failure: failure === null ? null : JSON.stringify(failure),
  };
}
