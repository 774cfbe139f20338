import { hkdfSync } from "node:crypto";
import { join } from "node:path";
import type { UserId } from "@wanhui/core";
import type { OrderView } from "@wanhui/protocol";
import { type Awards, createAwards } from "../awards/mod.ts";
import type { Cluster } from "../cluster/mod.ts";
import type { Engine, Materialiser, Outbox } from "../engine/mod.ts";
import {
  askingUnderLockMax,
  createGate,
  createOrders,
  createVault,
  OrderChecker,
  type Orders,
} from "../orders/mod.ts";
import {
  createSandbox,
  createSandboxProvider,
  noticePath,
  type PaymentProvider,
  tracedProvider,
} from "../payments/mod.ts";
import type { Service } from "../platform/mod.ts";
import type { Room } from "../rooms/mod.ts";
import type { Addresses } from "./addresses.ts";
import type { Boards } from "./boards.ts";
import type { Ground } from "./ground.ts";
import { createSandboxDuty, type SandboxDuty } from "./sandbox-duty.ts";

/** Claims, orders and the payment provider of the night. */
export type Shop = {
  readonly awards: Awards;
  readonly orders: Orders;
  readonly provider: PaymentProvider;
  readonly sandbox: SandboxDuty;
  readonly services: readonly Service[];
};

/** Puts together what happens after a win. The sandbox listens on an origin of its own once it was started. */
export function makeShop(parts: {
  readonly ground: Ground;
  readonly cluster: Cluster;
  readonly engine: Engine;
  readonly outbox: Outbox;
  readonly materialiser: Pick<Materialiser, "status">;
  readonly boards: Boards;
  readonly room: Pick<Room, "sendMe">;
  readonly addresses: Addresses;
}): Shop {
  const { ground, cluster, engine, outbox, materialiser, boards, room, addresses } = parts;
  const { config, database, clock, log, tls } = ground;
  const nowMs = () => Math.floor(clock.nowMs());
  // A provider's secret is known to the provider and to us; the sandbox's is made from this folder's own.
  const secret = new Uint8Array(hkdfSync("sha256", ground.secret, "", "wanhui/sandbox/1", 32));
  const ca = tls?.generated === true ? tls.cert : undefined;
  const file = join(config.dataFolder, "sandbox-payments.json");
  const sandbox = createSandboxDuty({
    cluster,
    host: config.host,
    port: config.sandboxPort,
    log,
    make: (port) =>
      createSandbox({
        file,
        secret,
        host: config.host,
        port,
        publicUrl: config.sandboxPublicUrl,
        tls,
        ca,
        log,
        nowMs,
      }),
  });
  const provider = tracedProvider(createSandboxProvider({ baseUrl: () => sandbox.url(), secret, ca, nowMs }));
  const vault = createVault(ground.secret);
  const submit = engine.submit.bind(engine);
  const gate = createGate(askingUnderLockMax(config.databaseConnectionsMax));
  const leads = () => cluster.leads();
  let awards: Awards | undefined;
  /** The buyer may have a socket at any process: each tells its own (MP16). */
  function tellOrder(userId: string, order: OrderView): void {
    room.sendMe(userId as UserId, { t: "order", order });
    awards?.changedElsewhere(order.awardId);
  }
  const orders = createOrders({
    pool: database.pool,
    gate,
    submit,
    outbox,
    provider,
    vault,
    nowMs,
    returnUrl: (orderId) => `${addresses.base()}/?order=${encodeURIComponent(orderId)}`,
    notifyUrl: () => `${addresses.local()}${noticePath(provider.name)}`,
    changed(userId, order) {
      tellOrder(userId, order);
      cluster.tell({ t: "order", user: userId, order });
    },
    log,
  });
  const made = createAwards({
    pool: database.pool,
    gate,
    submit,
    orders,
    vault,
    prize: boards.prize,
    terms: boards.terms,
    sendMe: (userId, message) => room.sendMe(userId as UserId, message),
    materialisedSeq: (shard) =>
      materialiser.status().checkpoints.find((one) => one.shard === shard)?.seq ?? 0,
    nowMs,
    log,
    leads,
    catchUp: () => engine.catchUp(),
    onTouched: (awardId) => cluster.tell({ t: "award", awards: [awardId] }),
  });
  awards = made;
  cluster.onTold((_, message) => {
    if (message.t === "order") tellOrder(message.user, message.order);
    else if (message.t === "award") for (const awardId of message.awards) made.changedElsewhere(awardId);
  });
  const checker = new OrderChecker({ pool: database.pool, orders, nowMs, log, leads });
  return { awards: made, orders, provider, sandbox, services: [sandbox, made.settler, checker] };
}
