import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createApp } from "../http/mod.ts";
import { findListenPort, type Service } from "../platform/mod.ts";
import type { Gateway } from "../rooms/mod.ts";
import { publicHealthOf } from "./health.ts";
import { nightMetrics } from "./metrics.ts";
import { healthParts, mountRoutes, type Parts } from "./routes.ts";
import { pagesService } from "./services.ts";

const sourceFolder = dirname(dirname(fileURLToPath(import.meta.url)));
const webFolder = join(dirname(dirname(dirname(sourceFolder))), "apps", "web", "dist");

/** Mounts everything people ask for and listens; the addresses know the port from then on. */
export async function openPages(
  parts: Parts & { readonly gateway: Gateway; readonly picturesFolder: string; readonly version: string },
): Promise<Service> {
  const { ground, gateway, addresses } = parts;
  const { config, origins } = ground;
  const health = healthParts(parts);
  nightMetrics(ground.metrics, { ...parts, board: parts.boards.current, health });
  const app = await createApp({
    log: ground.log.child({ part: "http" }),
    version: parts.version,
    origins,
    publicUrl: config.publicUrl,
    trustProxy: config.trustProxy,
    tls: ground.tls,
    webFolder,
    picturesFolder: parts.picturesFolder,
    health: () => publicHealthOf(health),
    metrics: {
      numbers: ground.metrics,
      access: {
        token: config.metricsToken,
        behindProxy: config.publicUrl !== undefined || config.trustProxy.length > 0,
      },
    },
  });
  mountRoutes(app, parts);
  gateway.attach(app.server);
  const port = await findListenPort(config.host, config.port);
  await app.listen({ host: config.host, port });
  // Port 0 leaves the choice to the system.
  const bound = app.server.address();
  const listening = typeof bound === "object" && bound !== null ? bound.port : port;
  addresses.listeningOn(listening);
  origins.listeningOn(listening);
  return pagesService(app, gateway, parts.cluster);
}
