import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ShowView } from "@wanhui/protocol";
import { benchShow, GRAB_POOL, goodsPool, rainCue } from "./bench-show.ts";
import { redisScripts } from "./grabs-redis.ts";
import { type Load, startLoad } from "./load/load.ts";
import { fork, type OwnChild } from "./own-child.ts";
import { RedisLine, type RedisServer, startRedis } from "./redis-server.ts";
import { type ServerChild, startServer } from "./server-child.ts";

/** More than all rounds take together. */
const UNITS = 1_000_000;
const OPEN_WITHIN_MS = 30_000;
const VIEW_WITHIN_MS = 5_000;
const PING_EVERY_MS = 20_000;
/** Answers to all of them, so that none falls into what is measured. */
const PONGS_WITHIN_MS = 2_000;

/** A server that hands out units to clients who each wait for one answer before they ask again. */
export type GrabSide = {
  readonly name: "wanhui" | "usual recipe" | "redis bare";
  /**
   * One round: every client asks `each` times for one unit, and gets it.
   *
   * @throws Error when the units handed out are not those that clients were told of
   */
  grab(clients: number, each: number): Promise<{ readonly perSecond: number }>;
  stop(): Promise<void>;
};

function perSecond(
  answered: { readonly won?: number; readonly ms?: number; readonly refused?: number },
  all: number,
) {
  const { won = 0, ms = 0, refused = 0 } = answered;
  if (won !== all || refused !== 0) throw new Error(`${won} of ${all} grabs won, ${refused} refused`);
  return { perSecond: (won / ms) * 1_000 };
}

/** `wanhui start` as people run it: signed-in guests, limits, lanes, journal on the disk before the answer. */
export async function openOurs(options: {
  readonly program: string;
  readonly clients: number;
}): Promise<GrabSide> {
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-grabs-"));
  const load = startLoad();
  let server: ServerChild | undefined;
  const stop = async () => {
    await load.stop();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const show = join(folder, "show.yaml");
    await writeFile(show, benchShow({ ends: "2h", pools: [goodsPool(UNITS)], cues: [rainCue("100m")] }));
    server = await startServer({ program: options.program, dataFolder: join(folder, "data"), show });
    const { url } = server;
    const run = await openRun(url);
    await load.tell({ do: "open", dialect: "wanhui", url, sockets: options.clients });
    const pool = `${run}/${GRAB_POOL}`;
    let told = 0;
    let pingedAtMs = performance.now();
    return {
      name: "wanhui",
      async grab(clients, each) {
        // Whoever is silent for a minute is let go of, and smaller crowds came before.
        if (performance.now() - pingedAtMs > PING_EVERY_MS) {
          await load.tell({ do: "ping" });
          pingedAtMs = performance.now();
          await sleep(PONGS_WITHIN_MS);
        }
        const rate = perSecond(await load.tell({ do: "grab", pool, clients, each }), clients * each);
        told += clients * each;
        await shown(url, told);
        return rate;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const showOf = async (url: string) => (await (await fetch(`${url}/api/show`)).json()) as ShowView;
const awardsOf = async (url: string) => (await showOf(url)).counts.awards;

/** The show has given as many units as were told. Its view is kept for a moment, so that it is asked until it is new. */
async function shown(url: string, told: number): Promise<void> {
  const until = performance.now() + VIEW_WITHIN_MS;
  for (;;) {
    const given = await awardsOf(url);
    if (given === told) return;
    if (given > told || performance.now() > until)
      throw new Error(`The show gave ${given} units, ${told} were told`);
    await sleep(50);
  }
}

/** Waits until the first cue, the rain, is open. @returns the run */
export async function openRun(url: string): Promise<string> {
  const until = performance.now() + OPEN_WITHIN_MS;
  for (;;) {
    const view = await showOf(url);
    if (view.cues[0]?.state === "live") return view.run;
    if (performance.now() > until) throw new Error("The rain did not open");
    await sleep(100);
  }
}

/** `ws`, ioredis and a Lua script before a Redis that syncs its log before every answer. */
export async function openRecipe(options: { readonly clients: number }): Promise<GrabSide> {
  const redis = await startRedis("always");
  let child: OwnChild | undefined;
  const load = startLoad();
  const stop = async () => {
    await load.stop();
    await child?.stop();
    await redis.stop();
  };
  try {
    child = fork(new URL("./peers/recipe-child", import.meta.url), [redis.socketPath]);
    const { port } = (await child.ask({})) as { port: number };
    await load.tell({
      do: "open",
      dialect: "recipe",
      url: `http://127.0.0.1:${port}`,
      sockets: options.clients,
    });
    return {
      name: "usual recipe",
      grab: (clients, each) => grabFromRedis({ redis, load, clients, each }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The same script asked by clients of Redis itself: nothing is between them and the counter. */
export async function openBareRedis(options: { readonly clients: number }): Promise<GrabSide> {
  const redis = await startRedis("always");
  const load = startLoad();
  const stop = async () => {
    await load.stop();
    await redis.stop();
  };
  try {
    const line = await RedisLine.open(redis.socketPath);
    const script = String(await line.ask(["SCRIPT", "LOAD", redisScripts["per-grab"].source]));
    line.close();
    const { socketPath } = redis;
    await load.tell({ do: "openRedis", socketPath, sockets: options.clients, script });
    return {
      name: "redis bare",
      grab: (clients, each) => grabFromRedis({ redis, load, clients, each }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function grabFromRedis(round: {
  readonly redis: RedisServer;
  readonly load: Load;
  readonly clients: number;
  readonly each: number;
}): Promise<{ readonly perSecond: number }> {
  const { redis, load, clients, each } = round;
  const all = clients * each;
  const line = await RedisLine.open(redis.socketPath);
  try {
    await line.ask(["DEL", "stock", "users"]);
    await line.ask(["SET", "stock", all]);
    const rate = perSecond(await load.tell({ do: "grab", pool: "", clients, each }), all);
    const left = Number(await line.ask(["GET", "stock"]));
    const buyers = Number(await line.ask(["SCARD", "users"]));
    if (left !== 0 || buyers !== all) throw new Error(`Redis: ${buyers} buyers, ${left} left of ${all}`);
    return rate;
  } finally {
    line.close();
  }
}
