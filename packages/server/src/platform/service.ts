import { setMaxListeners } from "node:events";

/**
 * Anything with a life: it runs until its signal aborts or it fails, and can be stopped.
 *
 * `run` resolves after a clean end and rejects with a fault (the world failed) or an assertion (a bug).
 * `stop` asks for the end and resolves when everything the service held is released; calling it twice is safe.
 */
export type Service = {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Runs services side by side; the first that ends, well or badly, stops all the others in reverse order of
 * the list, so that what was started last is stopped first.
 *
 * @throws whatever the first failing service threw, after every other one has stopped
 */
export async function runServices(services: readonly Service[], signal: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const stopped = new AbortController();
  // Every service listens to the one signal; that is no leak.
  setMaxListeners(0, stopped.signal);
  const runs = services.map((service) => service.run(stopped.signal).finally(() => ended.abort()));
  const settled = Promise.allSettled(runs);
  const end = AbortSignal.any([signal, ended.signal]);
  if (!end.aborted) await new Promise((resolve) => end.addEventListener("abort", resolve, { once: true }));
  // In order: pages that say goodbye still need the engine behind them.
  for (const service of [...services].reverse()) await service.stop();
  stopped.abort();
  for (const result of await settled) if (result.status === "rejected") throw result.reason;
}
