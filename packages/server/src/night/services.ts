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

/** Viewers are told to come again before the pages close. */
export function pagesService(app: App, gateway: Gateway): Service {
  return endingService("pages", async () => {
    await gateway.stop();
    await app.close();
  });
}

/** The embedded database is watched while the night runs, and ended after everybody who uses it. */
export function watchedDatabase(database: Service): Service {
  return { name: database.name, run: (signal) => database.run(signal), stop: async () => undefined };
}
