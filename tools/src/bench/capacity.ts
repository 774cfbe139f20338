import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShowView } from "@wanhui/protocol";
import { memoryBytesOfProcess, socketsMaxOf } from "@wanhui/server";
import { GRAB_POOL } from "./bench-show.ts";
import { openRun } from "./grabs-served.ts";
import { type Load, startLoad } from "./load/load.ts";
import type { TapAnswer } from "./load/tap-phase.ts";
import { type ServerChild, startServer } from "./server-child.ts";
import { tapShow } from "./tap-show.ts";

/** What one process on this machine carries of one kind, and what keeps it from more. */
export type Capacity = {
  readonly what: "viewers" | "taps" | "grabs";
  readonly value: number;
  readonly unit: string;
  readonly boundBy: string;
};

const PHONES = 1_000;
/** Whoever shakes a phone sends a frame a second; programs may send five. */
const SHAKING = { framesPerSecond: 1, seconds: 6 };
const FLOODING = { framesPerSecond: 5, seconds: 4 };
const GRABS_EACH = 10;
/** A process that is busier than this answers late whenever something else happens. */
const BUSY_SHARE = 0.7;

/**
 * Measures what this machine carries with the real server, the embedded database and 1,000 phones; about a minute.
 * Another process of the same night on the other cores carries as many viewers again, not as many grabs of one pool.
 *
 * @param options.socketsMax places as configured; by memory when not given
 */
export async function measureCapacity(options: {
  readonly program: string;
  readonly say: (text: string) => void;
  readonly socketsMax?: number | undefined;
}): Promise<Capacity[]> {
  const { program, say, socketsMax = socketsMaxOf(memoryBytesOfProcess()) } = options;
  const folder = await mkdtemp(join(tmpdir(), "wanhui-capacity-"));
  const load = startLoad();
  let server: ServerChild | undefined;
  try {
    const show = join(folder, "show.yaml");
    await writeFile(show, tapShow());
    say("Measuring what this machine carries: about a minute ...");
    server = await startServer({ program, dataFolder: join(folder, "data"), show });
    const view = (await (await fetch(`${server.url}/api/show`)).json()) as ShowView;
    await load.tell({ do: "open", dialect: "wanhui", url: server.url, sockets: PHONES });
    await openRun(server.url);
    const grabs = await measureGrabs(load, `${view.run}/${GRAB_POOL}`);
    const opensAtMs = Math.max(...view.rounds.map((round) => round.opensAtMs));
    await sleep(Math.max(0, opensAtMs + 500 - Date.now()));
    const draw = view.rounds[0]?.index ?? 0;
    const shaking = await measureFrame({ server, load, draw, pace: SHAKING });
    const flooding = await measureFrame({ server, load, draw, pace: FLOODING });
    const openFiles = await openFilesMax();
    const bounds = [
      {
        value: (BUSY_SHARE * SHAKING.framesPerSecond) / shaking,
        boundBy: `one core at ${BUSY_SHARE * 100} %, everybody sending a frame of taps a second`,
      },
      { value: socketsMax, boundBy: "SOCKETS_MAX" },
      { value: openFiles - 500, boundBy: "open files (ulimit -n)" },
    ].sort((a, b) => a.value - b.value);
    const least = bounds[0] ?? { value: 0, boundBy: "" };
    return [
      { what: "viewers", value: rounded(least.value), unit: "at once", boundBy: least.boundBy },
      { what: "taps", value: rounded(BUSY_SHARE / flooding), unit: "frames/s", boundBy: "one core" },
      {
        what: "grabs",
        value: rounded(grabs),
        unit: "/s",
        boundBy: `${PHONES} clients, one answer at a time, load and database on the same ${availableParallelism()} cores`,
      },
    ];
  } finally {
    await load.stop();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureGrabs(load: Load, pool: string): Promise<number> {
  let best = 0;
  for (let round = 0; round < 2; round += 1) {
    const { won = 0, ms = 1 } = await load.tell({ do: "grab", pool, clients: PHONES, each: GRABS_EACH });
    best = Math.max(best, (won / ms) * 1_000);
  }
  return best;
}

/** @returns seconds of a core for one frame of taps, the room's own frames in it */
async function measureFrame(at: {
  readonly server: ServerChild;
  readonly load: Load;
  readonly draw: number;
  readonly pace: typeof SHAKING;
}): Promise<number> {
  const { server, load, draw, pace } = at;
  const before = await server.cpuSeconds();
  const order = { do: "tap", draws: [draw], tapsPerFrame: 5, ...pace } as const;
  const { sent, refused, refusal } = (await load.tell(order)) as TapAnswer;
  if (refused * 2 > sent) throw new Error(`Taps were refused: ${refusal}`);
  return ((await server.cpuSeconds()) - before) / (sent - refused);
}

async function openFilesMax(): Promise<number> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const hard = /^Max open files\s+(?:\d+|unlimited)\s+(\d+|unlimited)/m.exec(limits)?.[1];
  // Node raises its own limit to the hard one at its start.
  return hard === undefined || hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}

/** Two figures: more would say that it is known better than it is. */
function rounded(value: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 1);
  return Math.round(value / step) * step;
}
