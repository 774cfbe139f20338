import {
  AuthorizationError,
  type ConnectionOptions,
  connect,
  type NatsConnection,
  type Status,
  type Subscription,
} from "@nats-io/transport-node";
import { errorMessage, Fault } from "../fault.ts";
import type { Log } from "../log.ts";
import type { Bus, BusListener, BusStatus } from "./bus.ts";
import type { NatsAddress } from "./nats-address.ts";

/** A server that was restarted is found again within this; nobody waits on it. */
const RECONNECT_MS = 250;
/** A server that answers nothing, such as one that was stopped, is left after two of these. */
const PING_EVERY_MS = 1_000;
const PINGS_OUT_MAX = 2;
const CONNECT_TIMEOUT_MS = 5_000;

class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #log: Log;
  #trouble: string | null = null;
  #dropped = 0;

  constructor(connection: NatsConnection, log: Log) {
    this.#connection = connection;
    this.#log = log;
    void this.#watch();
  }

  get bytesMax(): number {
    return this.#connection.info?.max_payload ?? 1_024 * 1_024;
  }

  publish(subject: string, bytes: Uint8Array): void {
    // The client would keep messages for a server that is away; what is late here is better asked for again.
    if (this.#trouble !== null || bytes.length > this.bytesMax) {
      this.#dropped += 1;
      return;
    }
    try {
      this.#connection.publish(subject, bytes);
    } catch (error) {
      this.#dropped += 1;
      this.#log.warn({ part: "bus", subject, reason: errorMessage(error) }, "A message could not be sent");
    }
  }

  subscribe(subject: string, listener: BusListener): () => void {
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null || error === undefined) listener(message.data);
      },
    });
    this.#subscriptions.add(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      subscription.unsubscribe();
    };
  }

  status(): BusStatus {
    return { trouble: this.#trouble, dropped: this.#dropped };
  }

  onChange(listener: (status: BusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    // What was published leaves first; a server that is away is not waited for.
    if (this.#trouble === null) await this.#connection.flush().catch(() => undefined);
    await this.#connection.close();
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) this.#take(status);
  }

  #take(status: Status): void {
    const before = this.#trouble;
    if (status.type === "reconnect") this.#trouble = null;
    else if (status.type === "disconnect" || status.type === "staleConnection" || status.type === "close") {
      this.#trouble = "NATS cannot be reached";
    }
    if (before === this.#trouble) return;
    if (this.#trouble === null) this.#log.info({ part: "bus" }, "NATS is back");
    else this.#log.warn({ part: "bus" }, "NATS is gone: other processes are followed by the journal alone");
    for (const listener of this.#listeners) listener(this.status());
  }
}

/**
 * Connects to NATS core and stays: a server that goes away is looked for until the bus is closed, and with it the others
 * of its cluster.
 *
 * @throws Fault `bus.refused` when a server does not let this process in, `bus.unreachable` when there is none
 */
export async function createNatsBus(options: {
  readonly address: NatsAddress;
  readonly name: string;
  readonly log: Log;
}): Promise<Bus> {
  const { address, name, log } = options;
  const { servers, login, tls } = address;
  const how: ConnectionOptions = {
    name,
    ...login,
    ...(tls ? { tls: {} } : {}),
    timeout: CONNECT_TIMEOUT_MS,
  };
  try {
    const first = await firstThatAnswers(servers, how);
    const connection = await connect({
      ...how,
      // In the order that was written: processes at one server need no way between servers.
      servers: [...servers.slice(first), ...servers.slice(0, first)],
      noRandomize: true,
      maxReconnectAttempts: -1,
      // A login that is changed at the servers first and here later is no end.
      ignoreAuthErrorAbort: true,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: RECONNECT_MS,
      pingInterval: PING_EVERY_MS,
      maxPingOut: PINGS_OUT_MAX,
    });
    return new NatsBus(connection, log);
  } catch (cause) {
    throw faultOf(cause, servers);
  }
}

/**
 * Where to begin. The client forgets every server that fails before it was connected for the first time: one that is dead
 * at the start would never be come back to.
 */
async function firstThatAnswers(servers: NatsAddress["servers"], how: ConnectionOptions): Promise<number> {
  if (servers.length === 1) return 0;
  let failure: unknown;
  for (const [at, server] of servers.entries()) {
    try {
      const connection = await connect({ ...how, servers: [server], reconnect: false });
      await connection.close();
      return at;
    } catch (error) {
      // A server that is there and refuses says more than one that is not there.
      if (!(failure instanceof AuthorizationError)) failure = error;
    }
  }
  throw failure;
}

/** The servers are named, the login never. */
function faultOf(cause: unknown, servers: NatsAddress["servers"]): Fault {
  const where = `NATS at ${servers.join(", ")}`;
  const reason = errorMessage(cause);
  if (cause instanceof AuthorizationError) {
    const advice = "Correct the user and password, or the token, in NATS_URL.";
    return new Fault("bus.refused", `${where} does not let this process in (${reason}). ${advice}`, {
      cause,
    });
  }
  const advice = "Start nats-server there, or correct NATS_URL.";
  return new Fault("bus.unreachable", `${where} cannot be reached (${reason}). ${advice}`, { cause });
}
