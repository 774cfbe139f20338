// The night under test in a process of its own, which can say what it holds. Run with `node --expose-gc`.

import { loadConfig, startNight } from "@wanhui/server";

/** What the process says to its parent. */
export type ChildReport =
  | { readonly t: "ready"; readonly url: string; readonly operatorUrl: string; readonly run: string }
  | { readonly t: "held"; readonly held: Held };

/** What it holds when nothing is asked of it. */
export type Held = {
  /** Heap after a full collection, in bytes. */
  readonly heapBytes: number;
  /** Sockets, timers and other things that keep a process alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
};

const [dataFolder = "", show = ""] = process.argv.slice(2);
const flags = {
  data: dataFolder,
  show,
  host: "127.0.0.1",
  port: "0",
  "sandbox-port": "0",
  beacon: "dev",
  "log-level": "error",
};
const say = (report: ChildReport) => void process.send?.(report);

function held(): Held {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error("Started without --expose-gc");
  for (let n = 0; n < 3; n += 1) collect();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return { heapBytes: process.memoryUsage().heapUsed, resources };
}

const ended = new AbortController();
process.on("SIGTERM", () => ended.abort());
process.on("message", (word) => {
  if (word === "held") say({ t: "held", held: held() });
});
process.on("disconnect", () => ended.abort());

const night = await startNight({
  config: loadConfig({ env: {}, flags }),
  fresh: true,
  rehearsal: false,
  version: "0.0.0-fuzz",
});
say({ t: "ready", url: night.url, operatorUrl: night.operatorUrl, run: night.run.run });
await night.runUntil(ended.signal);
process.disconnect?.();
