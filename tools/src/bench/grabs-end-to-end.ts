import { setTimeout as sleep } from "node:timers/promises";
import { type GrabSide, openBareRedis, openOurs, openRecipe } from "./grabs-served.ts";
import { type BenchRow, peerRow } from "./rows.ts";

const ROUNDS = 5;
const CLIENTS = 2_000;
/** Wishes of one client in a round: within what its limits let through at once. */
const EACH = 10;
/** Until a client's limit has been filled up again: 4 wishes a second. */
const REST_MS = 3_000;
/** The crowds of the curve. */
const CROWDS = [1, 16, 64, 256, 1_024, 4_096];

const guarantee =
  "ours: signed in, limits, lanes, on disk before the answer, hash chain, retry answered alike; Redis: on disk before the answer, retry seen";

type Options = { readonly say: (text: string) => void; readonly program: string; readonly rounds?: number };

async function openSides(program: string, clients: number): Promise<GrabSide[]> {
  const sides: GrabSide[] = [];
  try {
    sides.push(await openOurs({ program, clients }));
    sides.push(await openRecipe({ clients }), await openBareRedis({ clients }));
    return sides;
  } catch (error) {
    for (const side of sides) await side.stop();
    throw error;
  }
}

/** Rounds by turns; round 0 warms up and is not counted. @returns rates by side */
async function play(
  sides: readonly GrabSide[],
  round: { clients: number; each: number; rounds: number; say: (text: string) => void },
): Promise<Map<GrabSide["name"], number[]>> {
  const { clients, each, rounds, say } = round;
  const rates = new Map(sides.map(({ name }) => [name, [] as number[]]));
  for (let n = 0; n <= rounds; n += 1) {
    const line: string[] = [];
    for (const side of sides) {
      const { perSecond } = await side.grab(clients, each);
      line.push(`${side.name} ${Math.round(perSecond)}`);
      if (n > 0) rates.get(side.name)?.push(perSecond);
    }
    say(`grabs of ${clients} clients ${n === 0 ? "warm-up" : `${n}/${rounds}`}: ${line.join(", ")} a second`);
    await sleep(REST_MS);
  }
  return rates;
}

function rowsOf(work: string, rates: ReadonlyMap<GrabSide["name"], number[]>): BenchRow[] {
  return (["usual recipe", "redis bare"] as const).map((peerName) =>
    peerRow({
      work,
      unit: "grabs/s",
      peerName,
      guarantee,
      ours: rates.get("wanhui") ?? [],
      peer: rates.get(peerName) ?? [],
    }),
  );
}

/** Durable grabs through whole servers: sockets, one wish outstanding each, every one a win. */
export async function benchGrabsEndToEnd({ say, program, rounds = ROUNDS }: Options): Promise<BenchRow[]> {
  const sides = await openSides(program, CLIENTS);
  try {
    const rates = await play(sides, { clients: CLIENTS, each: EACH, rounds, say });
    return rowsOf(`durable grabs end to end, ${CLIENTS} clients, one outstanding each`, rates);
  } finally {
    for (const side of sides) await side.stop();
  }
}

/** The same over crowds of every size: how the figure depends on how many ask at once. */
export async function benchCurve({ say, program, rounds = ROUNDS }: Options): Promise<BenchRow[]> {
  const sides = await openSides(program, Math.max(...CROWDS));
  const rows: BenchRow[] = [];
  try {
    for (const clients of CROWDS) {
      const rates = await play(sides, { clients, each: EACH, rounds, say });
      rows.push(...rowsOf(`durable grabs end to end, ${clients} client${clients === 1 ? "" : "s"}`, rates));
    }
    return rows;
  } finally {
    for (const side of sides) await side.stop();
  }
}
