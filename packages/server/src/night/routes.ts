import { awardRoutes } from "../awards/mod.ts";
import { type BotCheck, botCheckRoutes } from "../bot-check/mod.ts";
import type { Cluster } from "../cluster/mod.ts";
import type { Engine, Materialiser } from "../engine/mod.ts";
import type { App } from "../http/mod.ts";
import { orderRoutes } from "../orders/mod.ts";
import { paymentRoutes } from "../payments/mod.ts";
import { type People, peopleRoutes, staffRoutes } from "../people/mod.ts";
import { type Intake, type Room, roomRoutes, type ShowPort } from "../rooms/mod.ts";
import { type Director, showRoutes, studioRoutes } from "../shows/mod.ts";
import type { Addresses } from "./addresses.ts";
import type { Boards } from "./boards.ts";
import type { DatabaseWatch } from "./database-watch.ts";
import type { Ground } from "./ground.ts";
import { type HealthParts, healthOf } from "./health.ts";
import type { HouseCounts } from "./house-counts.ts";
import { materialiserLagBatches } from "./materialiser-lag.ts";
import type { OrderNumbers } from "./order-numbers.ts";
import type { Proofs } from "./proofs.ts";
import type { Shop } from "./shop.ts";
import { createStudioAwards } from "./studio-awards.ts";

/** Everything routes are made of. */
export type Parts = {
  readonly ground: Ground;
  readonly boards: Boards;
  readonly engine: Engine;
  readonly cluster: Cluster;
  readonly materialiser: Pick<Materialiser, "status">;
  readonly room: Room;
  readonly counts: HouseCounts;
  readonly intake: Intake;
  readonly botCheck: BotCheck;
  readonly show: ShowPort;
  readonly people: People;
  readonly director: Director;
  readonly shop: Shop;
  readonly proofs: Proofs;
  readonly orderNumbers: OrderNumbers;
  readonly databaseWatch: DatabaseWatch;
  readonly addresses: Addresses;
};

/** Mounts every capability's routes; sessions are worked out first, so people come first. */
export function mountRoutes(app: App, parts: Parts): void {
  const { ground, boards, engine, materialiser, room, counts, people, director, shop, addresses } = parts;
  const nowMs = () => Math.floor(ground.clock.nowMs());
  const secure = ground.tls !== undefined || ground.config.publicUrl?.startsWith("https:") === true;
  const view = () =>
    boards.current.view({
      stream: room.stream,
      offset: room.offset,
      nowMs: nowMs(),
      viewers: counts.viewers(),
    });
  peopleRoutes(app, { people, secure });
  staffRoutes(app, {
    people,
    secure,
    baseUrl: addresses.base,
    record: (act) => director.record(act),
  });
  showRoutes(app, { view, nowMs });
  parts.proofs.mount(app);
  awardRoutes(app, { awards: shop.awards });
  orderRoutes(app, {
    orders: shop.orders,
    returnUrl: (orderId) => `${addresses.base()}/?order=${encodeURIComponent(orderId)}`,
  });
  paymentRoutes(app, {
    pool: ground.database.pool,
    provider: shop.provider,
    learn: shop.orders.learn,
    nowMs,
  });
  botCheckRoutes(app, parts);
  roomRoutes(app, { room, intake: parts.intake, show: parts.show });
  studioRoutes(app, {
    director,
    board: boards.current,
    view,
    nowMs,
    health: () => healthOf(healthParts(parts)),
    numbers: () => ({
      viewers: counts.viewers(),
      ...parts.orderNumbers.now(),
      journalAppendMs: engine.status().tickMs,
      materialiserLagBatches: materialiserLagBatches(engine, materialiser),
    }),
    awards: createStudioAwards({
      awards: shop.awards,
      engine,
      prize: boards.prize,
      pseudonyms: people.pseudonyms,
    }),
    changePool: async (change) => {
      const answer = await engine.submit({ type: "pool.change", ...change });
      if (answer.ok) return { ok: true };
      const { code, field } = answer;
      return { ok: false, code, ...(field === undefined ? {} : { field }) };
    },
  });
}

/** What health is read from, for the studio and for `/health`. */
export function healthParts(parts: Parts): HealthParts {
  const { engine, cluster, materialiser, databaseWatch, boards, ground } = parts;
  return {
    engine,
    cluster,
    materialiser,
    databaseWatch,
    board: boards.current,
    nowMs: () => ground.clock.nowMs(),
  };
}
