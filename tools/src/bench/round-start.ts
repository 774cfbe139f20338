import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShowView } from "@wanhui/protocol";
import { benchShow, couponPool, text } from "./bench-show.ts";
import type { StartAnswer } from "./load/audience.ts";
import { startLoad } from "./load/load.ts";
import { type BenchRow, median, spreadOf } from "./rows.ts";
import { type ServerChild, startServer } from "./server-child.ts";

const ROUNDS = 5;
const VIEWERS = 2_000;
const OPEN_BOUND_MS = 250;
const ACK_BOUND_MS = 200;
/** Everybody has come in by the first opening. */
const FIRST_AT_S = 75;
const EVERY_S = 15;

/** The opening second: 2,000 viewers with the pages' own SDK tap the moment a round opens on their clock. */
export async function benchRoundStart(options: {
  readonly say: (text: string) => void;
  readonly program: string;
  readonly rounds?: number;
}): Promise<BenchRow[]> {
  const { say, program, rounds = ROUNDS } = options;
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-round-"));
  const load = startLoad();
  let server: ServerChild | undefined;
  try {
    const show = join(folder, "show.yaml");
    await writeFile(show, showOf(rounds + 1));
    server = await startServer({ program, dataFolder: join(folder, "data"), show });
    say(`round start: ${VIEWERS} viewers come in`);
    await load.tell({ do: "openAudience", url: server.url, viewers: VIEWERS });
    const view = (await (await fetch(`${server.url}/api/show`)).json()) as ShowView;
    const answers: StartAnswer[] = [];
    for (const [index, { draw, opensAtMs }] of view.rounds.entries()) {
      await sleep(Math.max(0, opensAtMs - 4_000 - Date.now()));
      const answer = (await load.tell({ do: "start", draw })) as StartAnswer;
      if (answer.unanswered > 0) throw new Error(`${answer.unanswered} taps were not answered`);
      // The first opening warms both sides up.
      if (index > 0) answers.push(answer);
      const { openP50Ms, openP99Ms, ackP50Ms, ackP99Ms } = answer;
      const ms = (value: number) => `${Math.round(value)} ms`;
      say(
        `round start ${index === 0 ? "warm-up" : `${index}/${rounds}`}: open p50 ${ms(openP50Ms)}, p99 ${ms(openP99Ms)}; ` +
          `acknowledged p50 ${ms(ackP50Ms)}, p99 ${ms(ackP99Ms)}`,
      );
    }
    const opened = answers.map(({ openP99Ms }) => openP99Ms);
    const acked = answers.map(({ ackP99Ms }) => ackP99Ms);
    return [
      row(
        `round start, ${VIEWERS} viewers: open on the client's clock after the announced instant, p99`,
        opened,
        OPEN_BOUND_MS,
      ),
      row(`round start, ${VIEWERS} viewers: tap written to acknowledgement read, p99`, acked, ACK_BOUND_MS),
    ];
  } finally {
    await load.stop();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function row(work: string, values: readonly number[], bound: number): BenchRow {
  const ours = median(values);
  const note = "all viewers in one process of their own, whose work is in it";
  return { work, unit: "ms", ours, bound, ok: ours <= bound, spread: spreadOf(values), note };
}

function showOf(rounds: number): string {
  const numbers = Array.from({ length: rounds }, (_, n) => n);
  const cues = numbers.map(
    (n) =>
      `  - { at: +${FIRST_AT_S + n * EVERY_S}s, round: r${n}, title: ${text(`r${n}`)}, pool: p${n}, schedule: { lasts: 6s, units: 2 } }`,
  );
  const pools = numbers.map((n) => couponPool(`p${n}`, { units: 10, perUser: "1" }));
  return benchShow({ ends: "10m", pools, cues });
}
