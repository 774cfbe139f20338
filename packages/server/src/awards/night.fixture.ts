import { createHash, randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AwardId, PoolId, RequestId, UserId } from "@wanhui/core";
import type { AwardKind, PrizeView } from "@wanhui/protocol";
import type pg from "pg";
import {
  createEngine,
  createMaterialiser,
  createOutbox,
  createPostgresJournal,
  type Engine,
  type Materialiser,
  nodeScheduler,
  type Outbox,
} from "../engine/mod.ts";
import {
  type AwardCommand,
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
  type PaymentProvider,
  receiveNotice,
  type Sandbox,
} from "../payments/mod.ts";
import { migrate, readMigrations, silentLog } from "../platform/mod.ts";
import { createTestDatabase, createTestFolder, removeTestFolder } from "../platform/testing.ts";
import type { ClaimBody } from "./body.ts";
import type { MeNews } from "./desk.ts";
import { type Awards, createAwards } from "./service.ts";

// A night for the tests of awards, orders and payments: the real engine over a real database, the real sandbox, and
// everything above them built anew for each life, so that a life can end anywhere.

/** The process was killed here: nothing of this life happens any more. */
export class Killed extends Error {}

/** Ends a life before or after its n-th step outside: a statement, a command to the engine, a word to the provider. */
export class Killer {
  steps = 0;
  dead = false;
  readonly #at: number;

  constructor(at: number = Number.POSITIVE_INFINITY) {
    this.#at = at;
  }

  step(): void {
    if (this.dead) throw new Killed();
    this.steps += 1;
    if (this.steps < this.#at) return;
    this.dead = true;
    throw new Killed();
  }

  /** Around one step: it can die before it happened and after. */
  async around<T>(work: () => Promise<T>): Promise<T> {
    this.step();
    const result = await work();
    this.step();
    return result;
  }
}

type AnyQuery = (...parameters: readonly unknown[]) => Promise<unknown>;

function mortalPool(pool: pg.Pool, killer: Killer): pg.Pool {
  const mortal = {
    query: (...parameters: readonly unknown[]) =>
      killer.around(() => (pool.query as unknown as AnyQuery).call(pool, ...parameters)),
    async connect() {
      killer.step();
      const client = await pool.connect();
      return {
        query: (...parameters: readonly unknown[]) =>
          killer.around(() => (client.query as unknown as AnyQuery).call(client, ...parameters)),
        // The server sees a dead process's connection end, and undoes what was open on it.
        release: (error?: Error | boolean) => client.release(killer.dead ? true : error),
      };
    },
  };
  return mortal as unknown as pg.Pool;
}

function mortalProvider(provider: PaymentProvider, killer: Killer): PaymentProvider {
  return {
    name: provider.name,
    create: (request) => killer.around(() => provider.create(request)),
    query: (paymentId) => killer.around(() => provider.query(paymentId)),
    cancel: (paymentId) => killer.around(() => provider.cancel(paymentId)),
    verifyNotice: (headers, rawBody) => provider.verifyNotice(headers, rawBody),
  };
}

export const vault = createVault(Buffer.alloc(32, 7));

const kinds: readonly AwardKind[] = ["goods", "coupon", "cash", "right"];

/**
 * Prizes by pool: `run/goods` and so on; `run/coupon-rain` and `run/cash-rain` are posted as they are won,
 * `run/goods-brief` expires after 100 ms, orders of `run/goods-hasty` are to be paid within a minute.
 */
export function prizeOf(pool: string): PrizeView | null {
  const kind = kinds.find((known) => pool.startsWith(`run/${known}`));
  if (kind === undefined) return null;
  const cny = (amountMinor: number) => ({ amountMinor, currency: "CNY" });
  return {
    pool,
    slug: pool.slice(4),
    kind,
    title: { zh: "奖品", en: "A prize" },
    detail: { zh: "", en: "" },
    picture: null,
    worth: cny(99_900),
    price: cny(kind === "goods" ? 1 : 0),
    value: kind === "coupon" || kind === "cash" ? cny(500) : null,
    sponsor: null,
    promised: 1_000,
    left: 500,
  };
}

export const address = {
  name: "王小明",
  phone: "138 0013 8000",
  country: "CN",
  region: "北京市",
  city: "北京市",
  line1: "建国路88号院",
  line2: "",
  postcode: "100022",
} as const;

/** Bodies as `readClaimBody` gives them. */
export const bodies: Readonly<Record<AwardKind, ClaimBody>> = {
  goods: { kind: "goods", address: { ...address, phone: "13800138000" } },
  coupon: { kind: "coupon" },
  cash: { kind: "cash" },
  right: { kind: "right", name: "王小明", contact: "13800138000" },
};

export const userOf = (n: number) =>
  createHash("sha256").update(`user/${n}`).digest("hex").slice(0, 32) as UserId;

/** Everything that dies with a process. */
export type Life = {
  readonly awards: Awards;
  readonly orders: Orders;
  readonly checker: OrderChecker;
  readonly me: { readonly userId: string; readonly message: MeNews }[];
  notice(headers: Record<string, string>, body: Buffer): Promise<Awaited<ReturnType<typeof receiveNotice>>>;
};

export class Night {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly engine: Engine;
  readonly outbox: Outbox;
  readonly materialiser: Materialiser;
  readonly sandbox: Sandbox;
  readonly provider: PaymentProvider;
  readonly sandboxSecret: Buffer;
  /** Where notices go; a test may listen there. */
  notifyUrl = "http://127.0.0.1:1/notices";
  /** Added to the machine's clock, for everybody. */
  offsetMs = 0;
  /** The time it stands still at, while it does. */
  #stoodAtMs: number | null = null;
  readonly #end: () => Promise<void>;
  #users = 0;

  private constructor(
    parts: Pick<
      Night,
      "url" | "pool" | "engine" | "outbox" | "materialiser" | "sandbox" | "provider" | "sandboxSecret"
    > & { end: () => Promise<void> },
    nowMs: { of: () => number },
  ) {
    this.url = parts.url;
    this.pool = parts.pool;
    this.engine = parts.engine;
    this.outbox = parts.outbox;
    this.materialiser = parts.materialiser;
    this.sandbox = parts.sandbox;
    this.provider = parts.provider;
    this.sandboxSecret = parts.sandboxSecret;
    this.#end = parts.end;
    nowMs.of = this.nowMs;
  }

  nowMs = (): number => (this.#stoodAtMs ?? Date.now()) + this.offsetMs;

  /** Stops the clock, or lets it go on: what is refused within a second is refused however slow the machine. */
  stand(still: boolean): void {
    this.#stoodAtMs = still ? Date.now() : null;
  }

  static async begin(): Promise<Night> {
    const database = await createTestDatabase();
    await migrate(database.pool, await readMigrations());
    const folder = await createTestFolder();
    const clock = { of: () => Date.now() };
    const nowMs = () => clock.of();
    const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
    const store = createPostgresJournal({ url: database.url });
    const log = silentLog();
    const engine = createEngine({
      store,
      clock: { nowMs, monotonicMs: () => performance.now() },
      scheduler: nodeScheduler,
      sha256,
      log,
      holder: randomUUID(),
      shards: 2,
    });
    const materialiser = createMaterialiser({ url: database.url, store, engine, sha256, log });
    await engine.start();
    const outbox = createOutbox({ pool: database.pool, engine, log });
    const sandboxSecret = randomBytes(32);
    const file = join(folder, "sandbox", "payments.ndjson");
    const sandbox = createSandbox({ file, secret: sandboxSecret, host: "127.0.0.1", port: 0, log, nowMs });
    await sandbox.start();
    const ended = new AbortController();
    const running = [materialiser, outbox, sandbox].map((service) => service.run(ended.signal));
    const provider = createSandboxProvider({ baseUrl: sandbox.url, secret: sandboxSecret, nowMs });
    const end = async () => {
      ended.abort();
      await sandbox.stop();
      await outbox.stop();
      await materialiser.stop();
      await Promise.allSettled(running);
      await engine.stop();
      await store.close();
      await database.drop();
      await removeTestFolder(folder);
    };
    const parts = {
      url: database.url,
      pool: database.pool,
      engine,
      outbox,
      materialiser,
      sandbox,
      provider,
      sandboxSecret,
      end,
    };
    const night = new Night(parts, clock);
    for (const kind of kinds) await night.openPool(`run/${kind}`, 3_600_000);
    await night.openPool("run/goods-brief", 100);
    await night.openPool("run/goods-hasty", 3_600_000);
    await night.openPool("run/coupon-rain", null);
    await night.openPool("run/cash-rain", null);
    return night;
  }

  end(): Promise<void> {
    return this.#end();
  }

  async openPool(name: string, grabClaimTtlMs: number | null): Promise<void> {
    const pool = name as PoolId;
    await this.engine.submit({ type: "pool.create", pool, units: 1_000, capPerUser: null, grabClaimTtlMs });
    const opensAtMs = this.nowMs() - 1;
    await this.engine.submit({
      type: "grab.open",
      pool,
      opensAtMs,
      closesAtMs: opensAtMs + 400 * 86_400_000,
    });
  }

  /** A new person wins one unit, in the tables as well. */
  async win(pool: string): Promise<{ userId: UserId; awardId: AwardId }> {
    this.#users += 1;
    const userId = userOf(this.#users);
    const requestId = randomBytes(16).toString("hex") as RequestId;
    const command = {
      type: "grab.take",
      pool: pool as PoolId,
      user: userId,
      requestId,
      quantity: 1,
    } as const;
    const answer = await this.engine.submit(command);
    if (!answer.ok || answer.type !== "granted") throw new Error(`Not granted: ${JSON.stringify(answer)}`);
    await this.materialiser.caughtUp();
    return { userId, awardId: answer.awardId };
  }

  /**
   * A process begins: what it knows is what the tables say.
   *
   * @param skewMs how far its clock is ahead
   * @param connections its own pool, when the test is about how many there are
   */
  life(killer: Killer = new Killer(), skewMs = 0, connections = this.pool): Life {
    const nowMs = () => this.nowMs() + skewMs;
    const pool = mortalPool(connections, killer);
    const provider = mortalProvider(this.provider, killer);
    const submit = (command: AwardCommand) => killer.around(() => this.engine.submit(command));
    const me: Life["me"] = [];
    const sendMe = (userId: string, message: MeNews) => void (killer.dead || me.push({ userId, message }));
    const gate = createGate(askingUnderLockMax(connections.options.max));
    const common = { pool, gate, submit, vault, nowMs, log: silentLog() };
    const orders = createOrders({
      ...common,
      outbox: {
        enqueue: this.outbox.enqueue.bind(this.outbox),
        wake: () => this.outbox.wake(),
        onAnswered: () => undefined,
      },
      provider,
      returnUrl: (orderId) => `http://shop.test/?order=${orderId}`,
      notifyUrl: () => this.notifyUrl,
      changed: (userId, order) => {
        sendMe(userId, { t: "order", order });
        awards.changedElsewhere(order.awardId);
      },
    });
    const awards: Awards = createAwards({
      ...common,
      orders,
      prize: prizeOf,
      terms: (name) => (name === "run/goods-hasty" ? { payTtlMs: 60_000, validMs: 3_600_000 } : null),
      sendMe,
      materialisedSeq: (shard) =>
        this.materialiser.status().checkpoints.find((checkpoint) => checkpoint.shard === shard)?.seq ?? 0,
    });
    this.engine.onDurable((batch) => void (killer.dead || awards.onBatch(batch)));
    const checker = new OrderChecker({ pool, orders, nowMs, log: silentLog() });
    const notice: Life["notice"] = (headers, body) =>
      receiveNotice({ pool, provider, learn: orders.learn, nowMs }, headers, body);
    return { awards, orders, checker, me, notice };
  }

  /** Presses a button on the sandbox's page of an order, as a browser does. */
  async press(payPage: string, action: "pay" | "decline", delivery = "never"): Promise<number> {
    const url = payPage.replace("localhost", "127.0.0.1");
    const body = new URLSearchParams({ action, delivery });
    return (await fetch(url, { method: "POST", body, redirect: "manual" })).status;
  }

  /** Everything that happens by itself, until nothing more does. */
  async quiet(life: Life): Promise<void> {
    await this.#rolledBack();
    for (let round = 0; round < 3; round += 1) {
      this.offsetMs += 6_000;
      await life.awards.settler.runOnce();
      await life.checker.runOnce();
      await this.outbox.drained();
      await this.materialiser.caughtUp();
    }
  }

  /** What a killed life had open is rolled back in its own time; until then its rows are skipped by whoever looks. */
  async #rolledBack(): Promise<void> {
    const until = performance.now() + 5_000;
    const open = `select 1 from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'`;
    while ((await this.pool.query(open)).rowCount !== 0 && performance.now() < until) await sleep(5);
  }

  /** What the tables say of an award. */
  async standing(awardId: AwardId) {
    const award = await this.pool.query("select state, order_id from awards where award_id = $1", [awardId]);
    const orders = await this.pool.query(
      "select order_id, state, refund_due from orders where award_id = $1 order by attempt",
      [awardId],
    );
    const claims = await this.pool.query("select state from claims where award_id = $1 order by attempt", [
      awardId,
    ]);
    return {
      award: award.rows[0] as { state: string; order_id: string | null },
      orders: orders.rows as { order_id: string; state: string; refund_due: boolean }[],
      claims: claims.rows.map(({ state }) => state as string),
    };
  }
}
