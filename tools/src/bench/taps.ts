import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShowView } from "@wanhui/protocol";
import { type Load, startLoad } from "./load/load.ts";
import type { TapAnswer, TapOrder } from "./load/tap-phase.ts";
import { type BenchRow, median, spreadOf } from "./rows.ts";
import { type ServerChild, startServer } from "./server-child.ts";
import { tapShow } from "./tap-show.ts";

const SOCKETS = 2_000;
const ROUNDS = 5;
const PHASE_SECONDS = 5;
/** Within what one person may send: 25 gestures a second, 10 frames a second. */
const FRAMES_PER_SECOND = 5;
const TAPS_PER_FRAME = 5;
/** What one core of the server is to do at least. */
const FRAMES_BOUND = 40_000;
const ENTRIES_BOUND = 30_000;

type Phase = Pick<TapOrder, "draws" | "tapsPerFrame">;
type Figure = { readonly perCore: number; readonly answer: TapAnswer };

/**
 * Taps through the real server: sockets, frames, limits, eligibility, shard, journal, acknowledgement. The load is
 * below what the server can take; the figure is what it does per second of its own processor time.
 */
export async function benchTaps(options: {
  readonly say: (text: string) => void;
  readonly program: string;
  readonly rounds?: number;
}): Promise<BenchRow[]> {
  const { say, program, rounds = ROUNDS } = options;
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-taps-"));
  const load = startLoad();
  let server: ServerChild | undefined;
  try {
    const show = join(folder, "show.yaml");
    await writeFile(show, tapShow());
    server = await startServer({ program, dataFolder: join(folder, "data"), show });
    const view = await showOf(server);
    const opensAtMs = Math.max(...view.rounds.map((round) => round.opensAtMs));
    say(
      `taps: ${SOCKETS} phones sign in; the rounds open in ${Math.round((opensAtMs - Date.now()) / 1_000)} s`,
    );
    await load.tell({ do: "open", dialect: "wanhui", url: server.url, sockets: SOCKETS });
    await sleep(Math.max(0, opensAtMs + 1_000 - Date.now()));
    const draws = view.rounds.map(({ index }) => index);
    const further = { draws: draws.slice(0, 1), tapsPerFrame: TAPS_PER_FRAME };
    const first = { draws: draws.slice(1), tapsPerFrame: 1 };
    const figures = { taps: [] as Figure[], entries: [] as Figure[] };
    // Round 0 warms up and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      const taps = await play(server, load, further);
      const entries = await play(server, load, first);
      if (round > 0) {
        figures.taps.push(taps);
        figures.entries.push(entries);
      }
      say(
        `taps ${round === 0 ? "warm-up" : `${round}/${rounds}`}: ${Math.round(taps.perCore)} frames, ` +
          `${Math.round(entries.perCore)} entries per second of a core`,
      );
    }
    return [
      rowOf("tap frames counted per core", FRAMES_BOUND, figures.taps),
      rowOf("entries acknowledged after durable per core", ENTRIES_BOUND, figures.entries),
    ];
  } finally {
    await load.stop();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const showOf = async ({ url }: ServerChild) => (await (await fetch(`${url}/api/show`)).json()) as ShowView;

async function play(server: ServerChild, load: Load, phase: Phase): Promise<Figure> {
  const tapsBefore = (await showOf(server)).counts.taps;
  const before = await server.cpuSeconds();
  const order = { do: "tap", ...phase, framesPerSecond: FRAMES_PER_SECOND, seconds: PHASE_SECONDS } as const;
  const answer = (await load.tell(order)) as TapAnswer;
  const cpu = (await server.cpuSeconds()) - before;
  const { sent, acked, refused, refusal } = answer;
  const taps = (await showOf(server)).counts.taps - tapsBefore;
  // Every gesture counts once; every frame of the second phase is an entry, of the first one in each window.
  const all = (sent - refused) * phase.tapsPerFrame;
  if (taps !== all) throw new Error(`${taps} taps were counted of ${all}: ${refusal}`);
  if (phase.draws.length > 1 && acked !== sent - refused)
    throw new Error(`${acked} entries were acknowledged of ${sent - refused}: ${refusal}`);
  return { perCore: (sent - refused) / cpu, answer };
}

function rowOf(work: string, bound: number, figures: readonly Figure[]): BenchRow {
  const rates = figures.map(({ perCore }) => perCore);
  const ours = median(rates);
  const refused = figures.reduce((sum, { answer }) => sum + answer.refused, 0);
  const note = `offered ${SOCKETS * FRAMES_PER_SECOND}/s on ${SOCKETS} sockets, ${refused} refused`;
  return { work, unit: "/s", ours, bound, ok: ours >= bound, spread: spreadOf(rates), note };
}
