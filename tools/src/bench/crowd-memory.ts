import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShowView } from "@wanhui/protocol";
import { freePort, loadSecrets, makeRehearsalGrant } from "@wanhui/server";
import { runCrowd } from "../crowd/mod.ts";
import { type Inspector, openInspector, residentBytes } from "./inspector.ts";
import type { BenchRow } from "./rows.ts";
import { startServer } from "./server-child.ts";

const VIEWERS = 500;
const MINUTES = 30;
/** Until everybody is there and every cache has its size. */
const SETTLED_MINUTES = 5;
const SAMPLE_EVERY_MS = 30_000;
const BOUND_MB = 20;
const BOUND_SHARE = 0.05;

/**
 * The server's memory through a whole night: half an hour of the example gala with an audience that comes and goes,
 * taps, wins, claims and pays; after each collection, so that only what is kept is counted.
 */
export async function benchCrowd(options: {
  readonly say: (text: string) => void;
  readonly program: string;
  readonly minutes?: number;
}): Promise<BenchRow[]> {
  const { say, program, minutes = MINUTES } = options;
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-crowd-"));
  const port = await freePort();
  const env = { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` };
  const dataFolder = join(folder, "data");
  const server = await startServer({ program, dataFolder, more: ["--rehearsal"], env });
  let inspector: Inspector | undefined;
  try {
    inspector = await openInspector(port);
    const { run } = (await (await fetch(`${server.url}/api/show`)).json()) as ShowView;
    const expiresAtMs = Date.now() + (minutes + 10) * 60_000;
    const grant = makeRehearsalGrant(await loadSecrets(dataFolder), { run, expiresAtMs });
    const ended = new AbortController();
    const sampling = sample({ inspector, pid: server.pid, say, signal: ended.signal });
    const crowd = { viewers: VIEWERS, minutes, seed: 1, database: null, logFile: null };
    const report = await runCrowd({ baseUrl: server.url, run, grant, ...crowd });
    ended.abort();
    const samples = await sampling;
    const settled = samples.filter(({ minute }) => minute >= SETTLED_MINUTES);
    const [first, last] = [settled[0], settled.at(-1)];
    if (first === undefined || last === undefined)
      throw new Error("The crowd was over before it had settled");
    const ours = (last.heap - first.heap) / 1e6;
    const share = (last.heap - first.heap) / first.resident;
    const work = `memory kept in a ${minutes}-minute crowd of ${VIEWERS}, growth after ${SETTLED_MINUTES} minutes`;
    const note =
      `${(share * 100).toFixed(1)} % of ${(first.resident / 1e6).toFixed(0)} MB resident; heap and buffers after collection, ` +
      `${report.totals.entries} entries`;
    return [{ work, unit: "MB", ours, bound: BOUND_MB, ok: ours < BOUND_MB && share < BOUND_SHARE, note }];
  } finally {
    inspector?.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type Sample = { readonly minute: number; readonly heap: number; readonly resident: number };

async function sample(of: {
  readonly inspector: Inspector;
  readonly pid: number;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}): Promise<Sample[]> {
  const samples: Sample[] = [];
  const begun = performance.now();
  while (!of.signal.aborted) {
    await sleep(SAMPLE_EVERY_MS, undefined, { signal: of.signal }).catch(() => undefined);
    const heap = await of.inspector.collect();
    const resident = await residentBytes(of.pid);
    const minute = (performance.now() - begun) / 60_000;
    samples.push({ minute, heap, resident });
    of.say(
      `crowd ${minute.toFixed(1)} min: ${(heap / 1e6).toFixed(1)} MB kept, ${(resident / 1e6).toFixed(0)} MB resident`,
    );
  }
  return samples;
}
