import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ShowView } from "@wanhui/protocol";
import type { TapLoad, TapNews } from "./load/tap-load.ts";
import type { BenchRow } from "./rows.ts";
import { type ServerChild, startServer } from "./server-child.ts";

/** Rounds that are open at the same time: with more of them than frames in a window every frame is an entry. */
const ROUNDS = 30;
const SOCKETS = 600;
/** Below the ten a socket may send. */
const FRAMES_PER_SECOND = 9;
const PHASE_SECONDS = 10;
/** What one core of the server does at least: a gala of a million needs some dozens of them, not thousands. */
const FRAMES_BOUND = 20_000;
const ENTRIES_BOUND = 10_000;

/**
 * Taps through the real server: sockets, frames, limits, eligibility, shard, journal, acknowledgement. The load is
 * below what the server can take; the figure is what it does per second of its own processor time.
 */
export async function benchTaps(options: {
  readonly say: (text: string) => void;
  readonly program: string;
}): Promise<BenchRow[]> {
  const { say, program } = options;
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-taps-"));
  let server: ServerChild | undefined;
  try {
    const show = join(folder, "show.yaml");
    await writeFile(show, showFile());
    server = await startServer({ program, dataFolder: join(folder, "data"), show });
    const view = (await (await fetch(`${server.url}/api/show`)).json()) as ShowView;
    say(
      `taps: ${SOCKETS} phones sign in; the rounds open in ${Math.round((view.rounds[0]?.opensAtMs ?? 0) - Date.now())} ms`,
    );
    const draws = view.rounds.map(({ index }) => index);
    const load: TapLoad = {
      url: server.url,
      sockets: SOCKETS,
      framesPerSecond: FRAMES_PER_SECOND,
      // Rounds are on a grid of three seconds, each of them somewhere in the first.
      opensAtMs: Math.max(...view.rounds.map(({ opensAtMs }) => opensAtMs)) + 3_000,
      phases: [
        { name: "taps", draws: draws.slice(0, 1), seconds: PHASE_SECONDS },
        { name: "entries", draws, seconds: PHASE_SECONDS },
      ],
    };
    const figures = await measure(server, load, say);
    return [
      rowOf("tap frames acknowledged per core", FRAMES_BOUND, figures.get("taps")),
      rowOf("entries acknowledged after durable per core", ENTRIES_BOUND, figures.get("entries")),
    ];
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

type Figure = { readonly perCore: number; readonly perSecond: number; readonly refused: number };

async function measure(
  server: ServerChild,
  load: TapLoad,
  say: (text: string) => void,
): Promise<Map<string, Figure>> {
  const program = fileURLToPath(
    new URL(`./load/tap-load${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
  );
  const child = spawn(process.execPath, [program, JSON.stringify(load)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const figures = new Map<string, Figure>();
  let begun = { cpu: 0, at: 0 };
  for await (const line of createInterface({ input: child.stdout })) {
    const news = JSON.parse(line) as TapNews;
    if (news.event === "ready") say("taps: everybody is in the room");
    if (news.event === "begin") begun = { cpu: await server.cpuSeconds(), at: performance.now() };
    if (news.event !== "end") continue;
    const cpu = (await server.cpuSeconds()) - begun.cpu;
    const seconds = (performance.now() - begun.at) / 1_000;
    const { acked, sent, refused, refusal, phase } = news;
    if (acked === 0) throw new Error(`No tap was acknowledged: ${refusal}`);
    figures.set(phase, { perCore: acked / cpu, perSecond: acked / seconds, refused });
    say(
      `taps, ${phase}: ${sent} frames, ${acked} acknowledged, ${refused} refused, ${cpu.toFixed(1)} s of a core`,
    );
  }
  const [code] = await ended;
  if (code !== 0) throw new Error("The load generator failed");
  return figures;
}

function rowOf(work: string, bound: number, figure: Figure | undefined): BenchRow {
  if (figure === undefined) throw new Error(`${work}: not measured`);
  const { perCore, perSecond, refused } = figure;
  const note = `offered and answered ${Math.round(perSecond)}/s on ${SOCKETS} sockets, ${refused} refused`;
  return { work, unit: "/s", ours: perCore, bound, ok: perCore >= bound, note };
}

/** A show of many rounds at once, each over a pool of its own. */
function showFile(): string {
  const text = (word: string) => `{ zh: ${word}, en: ${word} }`;
  const numbers = Array.from({ length: ROUNDS }, (_, n) => n);
  const pools = numbers.map(
    (n) => `  - { pool: p${n}, kind: coupon, title: ${text(`p${n}`)}, detail: ${text("x")}, units: 100,
      perUser: 1, worthMinor: 100, valueMinor: 100, claim: { within: none } }`,
  );
  const rounds = numbers.map(
    (n) =>
      `  - { at: +31s, round: r${n}, title: ${text(`r${n}`)}, pool: p${n}, schedule: { lasts: 480s, units: 20 } }`,
  );
  return `version: wanhui/show/1
show: bench
title: ${text("bench")}
subtitle: ${text("bench")}
theme: gala
zone: UTC
currency: CNY
ends: +10m
venues: [{ venue: main, title: ${text("main")}, main: true }]
pools:
${pools.join("\n")}
rundown:
${rounds.join("\n")}
`;
}
