import type { Cluster } from "../cluster/mod.ts";
import type { App } from "../http/mod.ts";
import type { Service } from "../platform/mod.ts";
import type { Gateway } from "../rooms/mod.ts";

/** A part that works by itself from its start on: as a service it only has an end. */
export function endingService(name: string, stop: () => Promise<void>): Service {
  return {
    name,
    run: (signal) =>
      new Promise((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      }),
    stop,
  };
}

/** Beside others viewers are sent away spread over this, so that the others are not met by all at once (MP17). */
const GOAWAY_SPREAD_MS = 5_000;

/** Viewers are told to come again before the pages close; the shards of this process go first, if others take them. */
export function pagesService(
  app: App,
  gateway: Gateway,
  cluster: Pick<Cluster, "leave" | "others">,
): Service {
  return endingService("pages", async () => {
    await cluster.leave();
    await gateway.stop({ spreadMs: cluster.others().length > 0 ? GOAWAY_SPREAD_MS : 0 });
    await app.close();
  });
}
