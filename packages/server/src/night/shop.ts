import { hkdfSync } from "node:crypto";
import { join } from "node:path";
import type { UserId } from "@wanhui/core";
import { type Awards, createAwards } from "../awards/mod.ts";
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
  type Sandbox,
} from "../payments/mod.ts";
import { findListenPort, type Service } from "../platform/mod.ts";
import type { Room } from "../rooms/mod.ts";
import type { Addresses } from "./addresses.ts";
import type { Boards } from "./boards.ts";
import type { Ground } from "./ground.ts";

/** Claims, orders and the payment provider of the night. */
export type Shop = {
  readonly awards: Awards;
  readonly orders: Orders;
  readonly provider: PaymentProvider;
  readonly sandbox: Sandbox;
  readonly services: readonly Service[];
};

/** Puts together what happens after a win. The sandbox listens on an origin of its own before this returns. */
export async function openShop(parts: {
  readonly ground: Ground;
  readonly engine: Engine;
  readonly outbox: Outbox;
  readonly materialiser: Pick<Materialiser, "status">;
  readonly boards: Boards;
  readonly room: Pick<Room, "sendMe">;
  readonly addresses: Addresses;
}): Promise<Shop> {
  const { ground, engine, outbox, materialiser, boards, room, addresses } = parts;
  const { config, database, clock, log, tls } = ground;
  const nowMs = () => Math.floor(clock.nowMs());
  // A provider's secret is known to the provider and to us; the sandbox's is made from this folder's own.
  const secret = new Uint8Array(hkdfSync("sha256", ground.secret, "", "wanhui/sandbox/1", 32));
  const ca = tls?.generated === true ? tls.cert : undefined;
  const sandbox = createSandbox({
    file: join(config.dataFolder, "sandbox-payments.json"),
    secret,
    host: config.host,
    port: await findListenPort(config.host, config.sandboxPort),
    publicUrl: config.sandboxPublicUrl,
    tls,
    ca,
    log,
    nowMs,
  });
  await sandbox.start();
  const provider = createSandboxProvider({ baseUrl: () => sandbox.url(), secret, ca, nowMs });
  const vault = createVault(ground.secret);
  const submit = engine.submit.bind(engine);
  const gate = createGate(askingUnderLockMax(config.databaseConnectionsMax));
  let awards: Awards | undefined;
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
    changed: (userId, order) => {
      room.sendMe(userId as UserId, { t: "order", order });
      awards?.orderChanged(order.awardId);
    },
    log,
  });
  awards = createAwards({
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
  });
  const checker = new OrderChecker({ pool: database.pool, orders, nowMs, log });
  return { awards, orders, provider, sandbox, services: [sandbox, awards.settler, checker] };
}
