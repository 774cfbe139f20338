import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShowView } from "@wanhui/protocol";
import { audit, isAlive } from "@wanhui/server";
import { verifyProof } from "@wanhui/verify";
import { nodeSha256 } from "@wanhui/verify/node";
import type { ServerProcess } from "./server-process.fixture.ts";
import { drained, joinDatabase, readTables, type Tables } from "./tables.fixture.ts";
import { createHeard, type Heard, Viewer } from "./viewer.fixture.ts";

/** Enough to keep an append on its way nearly all the time, few enough for two cores shared with the server. */
const VIEWERS = 40;
/** Sockets of the one person who is everywhere. */
const SOCKETS_OF_ONE = 20;
/** Answers heard after a fault before the next: the night must be going on. */
const ANSWERS_BETWEEN = 25;
const answerPatienceMs = 30_000;
const nightPatienceMs = 120_000;

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
  readonly kills: number;
  /** Of each PostgreSQL killed: whether the server lived on, and another one came in its place. */
  readonly databaseKills: readonly { sameServer: boolean; newPostmaster: boolean }[];
};

export type NightOptions = {
  readonly server: ServerProcess;
  readonly kills: number;
  readonly databaseKills: number;
  readonly say: (text: string) => void;
};

/** Plays one night on a running server while killing it, and reads what is left. */
export async function playNight(options: NightOptions): Promise<Night> {
  const { server, say } = options;
  const heard = createHeard();
  const ended = new AbortController();
  // Every socket listens.
  setMaxListeners(0, ended.signal);
  const first = await readShow(server.url);
  const viewers = await Promise.all(Array.from({ length: VIEWERS }, () => Viewer.signIn(server.url, heard)));
  const everywhere = await Viewer.signIn(server.url, heard);
  const running = [
    ...viewers.map((viewer) => viewer.run(ended.signal)),
    everywhere.run(ended.signal, SOCKETS_OF_ONE),
  ];
  const databaseKills: { sameServer: boolean; newPostmaster: boolean }[] = [];
  try {
    const endsAtMs = Math.max(...first.rounds.map(({ closesAtMs }) => closesAtMs));
    const faults = options.kills + options.databaseKills;
    let kills = 0;
    for (let n = 0; n < faults; n += 1) {
      await underLoad(server, heard);
      // The faults are spread over the night: what is left of it, shared by those still to come.
      const shareMs = Math.max(0, endsAtMs - Date.now()) / (faults - n);
      await sleep(Math.random() * Math.min(4_000, shareMs));
      const isDatabase = Math.floor(((n + 1) * options.databaseKills) / faults) > databaseKills.length;
      if (isDatabase) {
        databaseKills.push(await killDatabase(server));
      } else {
        await server.kill();
        kills += 1;
        await server.start();
      }
      const { entries, grants } = heard;
      say(
        `fault ${n + 1}/${faults} (${isDatabase ? "PostgreSQL" : "server"}): ${entries.size} entries, ${grants.size} grants`,
      );
    }
    await underLoad(server, heard);
    await roundsOver(server, say);
    return await theEnd(
      { server, heard, viewers, everywhere, databaseKills, run: first.run, kills },
      async () => {
        ended.abort();
        await Promise.all(running);
      },
    );
  } finally {
    ended.abort();
  }
}

async function theEnd(
  night: Omit<Night, "tables" | "audit" | "proofs"> & { server: ServerProcess },
  stopViewers: () => Promise<void>,
): Promise<Night> {
  const { server, ...known } = night;
  await stopViewers();
  const show = await readShow(server.url);
  const proofs = await Promise.all(show.rounds.map(({ draw }) => checkProof(server.url, draw)));
  const pool = await joinDatabase(server.dataFolder);
  try {
    await drained(pool);
    return { ...known, proofs, tables: await readTables(pool, night.run), audit: await audit(pool) };
  } finally {
    await pool.end();
  }
}

async function readShow(url: string): Promise<ShowView> {
  const answer = await fetch(`${url}/api/show`);
  return (await answer.json()) as ShowView;
}

/** Waits until answers come again: a fault into silence would prove nothing. */
async function underLoad(server: ServerProcess, heard: Heard): Promise<void> {
  const wanted = heard.answers + ANSWERS_BETWEEN;
  const until = performance.now() + answerPatienceMs;
  while (heard.answers < wanted) {
    if (performance.now() > until) {
      const troubles = JSON.stringify(Object.fromEntries(heard.troubles));
      throw new Error(`No answers any more: ${troubles}\n${await server.log()}`);
    }
    await sleep(20);
  }
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

async function roundsOver(server: ServerProcess, say: (text: string) => void): Promise<void> {
  const until = performance.now() + nightPatienceMs;
  for (;;) {
    const { rounds } = await readShow(server.url);
    if (rounds.every(({ phase }) => phase === "closed")) return;
    if (performance.now() > until) {
      const phases = rounds.map(({ slug, phase }) => `${slug} ${phase}`).join(", ");
      throw new Error(`The night does not end: ${phases}\n${await server.log()}`);
    }
    say(
      `waiting for the last window: ${rounds.map(({ phase, drawnThrough }) => `${phase} ${drawnThrough}`).join(", ")}`,
    );
    await sleep(2_000);
  }
}

async function checkProof(url: string, draw: string): Promise<Night["proofs"][number]> {
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
