import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@wanhui/server";
import { type Inspector, openInspector, residentBytes } from "./inspector.ts";
import { startLoad } from "./load/load.ts";
import { type BenchRow, median, spreadOf } from "./rows.ts";
import { startServer } from "./server-child.ts";
import { tapShow } from "./tap-show.ts";

const CONNECTIONS = 8_000;
const ROUNDS = 5;
const BOUND_KB = 10;
/** Greetings, counts and what signing in left behind. */
const SETTLE_MS = 8_000;

/**
 * What a signed-in viewer who only watches costs: the server's memory before and after 8,000 of them came, each time
 * after its garbage was collected through the inspector. Kernel buffers of the sockets are not in it.
 */
export async function benchIdle(options: {
  readonly say: (text: string) => void;
  readonly program: string;
  readonly rounds?: number;
}): Promise<BenchRow[]> {
  const { say, program, rounds = ROUNDS } = options;
  const resident: number[] = [];
  const heap: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const grown = await growth(program);
    resident.push(grown.resident / CONNECTIONS / 1_000);
    heap.push(grown.heap / CONNECTIONS / 1_000);
    say(
      `idle ${round}/${rounds}: ${resident.at(-1)?.toFixed(1)} KB of memory, ${heap.at(-1)?.toFixed(1)} KB of them on the heap, for each of ${CONNECTIONS}`,
    );
  }
  const ours = median(resident);
  const note = `resident memory after collection; ${median(heap).toFixed(1)} KB of it JavaScript's heap and buffers`;
  return [
    {
      work: `growth per idle signed-in connection at ${CONNECTIONS}`,
      unit: "KB",
      ours,
      bound: BOUND_KB,
      ok: ours <= BOUND_KB,
      spread: spreadOf(resident),
      note,
    },
  ];
}

type Memory = { readonly resident: number; readonly heap: number };

async function growth(program: string): Promise<Memory> {
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-idle-"));
  const load = startLoad();
  let inspector: Inspector | undefined;
  const port = await freePort();
  const show = join(folder, "show.yaml");
  await writeFile(show, tapShow());
  const env = { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` };
  const server = await startServer({ program, dataFolder: join(folder, "data"), show, env });
  try {
    inspector = await openInspector(port);
    // The first thousand bring what is made once: code, caches, the tables of limits.
    await load.tell({ do: "open", dialect: "wanhui", url: server.url, sockets: 1_000 });
    const before = await memoryOf(server.pid, inspector);
    await load.tell({ do: "more", dialect: "wanhui", url: server.url, sockets: CONNECTIONS });
    await load.tell({ do: "ping" });
    const after = await memoryOf(server.pid, inspector);
    const { lost } = await load.tell({ do: "heard" });
    if (lost !== 0) throw new Error(`${lost} sockets were lost`);
    return { resident: after.resident - before.resident, heap: after.heap - before.heap };
  } finally {
    inspector?.close();
    await load.stop();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function memoryOf(pid: number, inspector: Inspector): Promise<Memory> {
  await sleep(SETTLE_MS);
  const heap = await inspector.collect();
  return { resident: await residentBytes(pid), heap };
}
