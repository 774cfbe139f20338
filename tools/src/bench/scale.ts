import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShowView } from "@wanhui/protocol";
import { type Load, startLoad } from "./load/load.ts";
import type { TapAnswer } from "./load/tap-phase.ts";
import { type BenchRow, median, spreadOf } from "./rows.ts";
import { type ServerChild, startServer } from "./server-child.ts";
import { tapShow } from "./tap-show.ts";

const CROWDS = [500, 5_000] as const;
const ROUNDS = 5;
/** A shaken phone: a frame a second, an entry in each window of three. */
const PACE = { framesPerSecond: 1, tapsPerFrame: 5, seconds: 9 };
/** A large crowd may cost this much more for each of its people than a small one. */
const BOUND = 1.15;

/** Whether ten times as many people cost ten times as much, and no more: processor time for each of them. */
export async function benchScale(options: {
  readonly say: (text: string) => void;
  readonly program: string;
  readonly rounds?: number;
}): Promise<BenchRow[]> {
  const { say, program, rounds = ROUNDS } = options;
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-scale-"));
  const sides: { readonly viewers: number; readonly server: ServerChild; readonly load: Load }[] = [];
  try {
    const show = join(folder, "show.yaml");
    await writeFile(show, tapShow());
    for (const viewers of CROWDS) {
      const server = await startServer({ program, dataFolder: join(folder, String(viewers)), show });
      const load = startLoad();
      sides.push({ viewers, server, load });
      await load.tell({ do: "open", dialect: "wanhui", url: server.url, sockets: viewers });
      await opened(server);
    }
    const ratios: number[] = [];
    for (let round = 0; round <= rounds; round += 1) {
      const costs: number[] = [];
      for (const { viewers, server, load } of sides) costs.push(await costOf(server, load, viewers));
      const [small = Number.NaN, large = Number.NaN] = costs;
      if (round > 0) ratios.push(large / small);
      const each = costs.map((cost, index) => `${(cost * 1e6).toFixed(0)} us at ${CROWDS[index]}`).join(", ");
      say(`scale ${round === 0 ? "warm-up" : `${round}/${rounds}`}: ${each}, for each viewer and second`);
      for (const { load } of sides) await load.tell({ do: "ping" });
    }
    const ours = median(ratios);
    const work = `processor time for each of ${CROWDS[1]} tapping viewers, compared with each of ${CROWDS[0]}`;
    return [{ work, unit: "x", ours, bound: BOUND, ok: ours <= BOUND, spread: spreadOf(ratios) }];
  } finally {
    for (const { load, server } of sides) {
      await load.stop();
      await server.stop();
    }
    await rm(folder, { recursive: true, force: true });
  }
}

async function opened(server: ServerChild): Promise<void> {
  const view = (await (await fetch(`${server.url}/api/show`)).json()) as ShowView;
  await sleep(Math.max(0, Math.max(...view.rounds.map(({ opensAtMs }) => opensAtMs)) + 500 - Date.now()));
}

/** @returns seconds of a core for one viewer and second */
async function costOf(server: ServerChild, load: Load, viewers: number): Promise<number> {
  const before = await server.cpuSeconds();
  const { refused, refusal } = (await load.tell({ do: "tap", draws: [0], ...PACE })) as TapAnswer;
  if (refused > viewers / 20) throw new Error(`${refused} taps were refused: ${refusal}`);
  return ((await server.cpuSeconds()) - before) / (viewers * PACE.seconds);
}
