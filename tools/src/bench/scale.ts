import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RoundView, ShowView } from "@wanhui/protocol";
import { freePort } from "@wanhui/server";
import { type Inspector, openInspector } from "./inspector.ts";
import { type Load, startLoad } from "./load/load.ts";
import type { TapAnswer } from "./load/tap-phase.ts";
import { type BenchRow, isBetween, median, spreadOf } from "./rows.ts";
import { type ServerChild, startServer } from "./server-child.ts";
import { tapShow } from "./tap-show.ts";

/** The few and the many that are compared. */
export type Crowds = readonly [few: number, many: number];

const CROWDS: Crowds = [500, 5_000];
const ROUNDS = 5;
/** One round that is open for longer than everything takes, three minutes for each of ours; 900 windows. */
const SHOW = { rounds: 1, lastsSeconds: 2_700 };
/** A shaken phone: a frame a second, an entry in each window of three. */
const PACE = { framesPerSecond: 1, tapsPerFrame: 1, seconds: 9 };
/** Six windows: those that are tapped in, then what is left to seal, draw and tell of them. */
const PHASE_MS = 18_000;
/** Greetings and goodbyes are not measured, nor is the garbage they leave. */
const SETTLE_MS = 4_000;
/** What one more viewer and one more tap cost is the same among many as among few, within this. */
const BOUND = [0.85, 1.15] as const;

/** Seconds of a core. */
type Costs = {
  /** For each viewer and second. */
  readonly watching: number;
  readonly tap: number;
};

/**
 * Whether ten times as many people cost ten times as much: what one more viewer who watches costs the server, and one more
 * tap, among few and among many. What the server does for itself, whoever is there, is measured by turns with them and
 * taken off.
 */
export async function benchScale(options: {
  readonly say: (text: string) => void;
  readonly program: string;
  readonly rounds?: number;
  readonly crowds?: Crowds;
}): Promise<BenchRow[]> {
  const { say, program, rounds = ROUNDS, crowds = CROWDS } = options;
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-scale-"));
  const load = startLoad();
  let server: ServerChild | undefined;
  let inspector: Inspector | undefined;
  try {
    const show = join(folder, "show.yaml");
    await writeFile(show, tapShow(SHOW));
    const port = await freePort();
    const env = { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` };
    server = await startServer({ program, dataFolder: join(folder, "data"), show, env });
    inspector = await openInspector(port);
    const stage = { server, inspector, load, round: await openedRound(server) };
    const measured = await measureByTurns({ stage, crowds, rounds, say });
    return [
      rowOf("processor time per watching viewer", measured, ({ watching }) => watching),
      rowOf("processor time per tap", measured, ({ tap }) => tap),
    ];
  } finally {
    inspector?.close();
    await load.stop();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type Stage = {
  readonly server: ServerChild;
  readonly inspector: Inspector;
  readonly load: Load;
  readonly round: RoundView;
};

/** Costs of each crowd, round by round. */
type Measured = { readonly crowds: Crowds; readonly few: readonly Costs[]; readonly many: readonly Costs[] };

async function measureByTurns(options: {
  readonly stage: Stage;
  readonly crowds: Crowds;
  readonly rounds: number;
  readonly say: (text: string) => void;
}): Promise<Measured> {
  const { stage, crowds, rounds, say } = options;
  const [few, many] = crowds;
  const costs = { few: [] as Costs[], many: [] as Costs[] };
  let before = await phase(stage);
  for (let round = 0; round <= rounds; round += 1) {
    const turn = [
      { viewers: few, into: costs.few },
      { viewers: many, into: costs.many },
    ] as const;
    // Whoever comes second finds what the first left behind: each in turn.
    for (const { viewers, into } of round % 2 === 0 ? turn : turn.toReversed()) {
      const { watch, tap, taps } = await playCrowd(stage, viewers);
      const after = await phase(stage);
      // Code gets faster while it runs: the empty house is measured before and after.
      const base = (before + after) / 2;
      before = after;
      const cost = {
        watching: (watch - base) / viewers,
        tap: ((tap - watch) * (PHASE_MS / 1_000)) / taps,
      };
      // Round 0 warms up and is not counted.
      if (round > 0) into.push(cost);
      const [watching, each] = [inMicroseconds(cost.watching), inMicroseconds(cost.tap)];
      const name = round === 0 ? "warm-up" : `${round}/${rounds}`;
      say(
        `scale ${name}: ${viewers} viewers, ${watching} a second for each who watches, ${each} for each tap`,
      );
    }
  }
  return { crowds, ...costs };
}

/** So many come and watch, then tap, then leave. Rates are seconds of a core for each second. */
async function playCrowd(stage: Stage, viewers: number) {
  const { server, load, round } = stage;
  await load.tell({ do: "open", dialect: "wanhui", url: server.url, sockets: viewers });
  await sleep(SETTLE_MS);
  const watch = await phase(stage);
  let taps = 0;
  const tap = await phase(stage, async () => {
    const order = { do: "tap", draws: [round.index], ...PACE } as const;
    const { sent, refused, refusal } = (await load.tell(order)) as TapAnswer;
    if (refused > viewers / 20) throw new Error(`${refused} taps were refused: ${refusal}`);
    taps = sent - refused;
  });
  const { lost = 0 } = await load.tell({ do: "heard" });
  if (lost > 0) throw new Error(`${lost} of ${viewers} sockets were lost`);
  await load.tell({ do: "close" });
  await sleep(SETTLE_MS);
  return { watch, tap, taps };
}

/**
 * A phase of whole windows, begun without garbage of the one before.
 *
 * @returns seconds of a core for each second of it
 */
async function phase({ server, inspector, round }: Stage, work?: () => Promise<void>): Promise<number> {
  await inspector.collect();
  const sinceFirstMs = Date.now() - round.opensAtMs - round.firstWindowMs;
  await sleep(round.windowMs - (sinceFirstMs % round.windowMs));
  const begunMs = performance.now();
  const before = await server.cpuSeconds();
  await work?.();
  const leftMs = PHASE_MS - (performance.now() - begunMs);
  if (leftMs < 0) throw new Error("The load took longer than its phase: this machine is too busy");
  await sleep(leftMs);
  return ((await server.cpuSeconds()) - before) / ((performance.now() - begunMs) / 1_000);
}

/** Waits until people can tap; the opening is exact once the round is armed. */
async function openedRound({ url }: ServerChild): Promise<RoundView> {
  for (;;) {
    const { rounds } = (await (await fetch(`${url}/api/show`)).json()) as ShowView;
    const [round] = rounds;
    if (round === undefined) throw new Error("The show has no round");
    if (round.phase === "open") return round;
    await sleep(Math.max(500, round.opensAtMs - Date.now()));
  }
}

function rowOf(work: string, { crowds, few, many }: Measured, costOf: (costs: Costs) => number): BenchRow {
  const [fewName, manyName] = crowds.map((viewers) => viewers.toLocaleString("en"));
  const costs = { few: few.map(costOf), many: many.map(costOf) };
  const ours = median(costs.many) / median(costs.few);
  const ratios = costs.many.map((cost, round) => cost / (costs.few[round] ?? Number.NaN));
  return {
    work: `${work}, ${manyName} compared with ${fewName}`,
    unit: "x",
    ours,
    bound: BOUND,
    ok: isBetween(ours, BOUND),
    spread: spreadOf(ratios),
    note: `${inMicroseconds(median(costs.many))} with ${manyName}, ${inMicroseconds(median(costs.few))} with ${fewName}`,
  };
}

const inMicroseconds = (seconds: number) => `${(seconds * 1e6).toFixed(1)} us`;
