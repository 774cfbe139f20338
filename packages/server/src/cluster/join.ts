import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Fault, identifyProcess } from "../platform/mod.ts";
import { Liveness } from "./liveness.ts";
import { createMemberStore, type Member, type MemberStore, NOT_SERVING, type Self } from "./member-store.ts";
import { CLUSTER_VERSION, isNear } from "./messages.ts";

/** Renewals come every half second: one who misses this many is not there. */
const OBSERVE_MS = 1_200;
/** As often as members renew theirs. */
const RENEW_EVERY_MS = 500;

/** What `meetHouse` takes. */
export type MeetOptions = {
  readonly url: string;
  /** Work beside others. */
  readonly join: boolean;
  /** What tells the house's keys from others, such as their hash. */
  readonly keys: string;
  /** Whether this process has a bus that others can be reached by. */
  readonly bus: boolean;
  /** This process's step of the words between processes; tests have others. */
  readonly version?: number;
  readonly onProgress?: (sentence: string) => void;
};

/** A process that may work beside those it found; nothing is written yet. */
export type Visitor = {
  readonly self: Self;
  readonly store: MemberStore;
  /** Writes itself into the table of processes, and its lease until `Joined.begun`. After the migrations. */
  enter(): Promise<Joined>;
};

/** A member of the house, not yet serving. */
export type Joined = {
  readonly self: Self;
  readonly store: MemberStore;
  /** Name of this database's house, for the bus. */
  readonly house: string;
  /** Processes that were alive when this one came. */
  readonly others: readonly Member[];
  /** Ends the renewals of the start: from here on the cluster's own look renews the lease. */
  begun(): Promise<void>;
};

/**
 * Looks who else lives on the database and whether this process may begin (MP3). Changes nothing.
 *
 * @throws Fault `server.not_alone`, `server.other_keys`, `server.too_far_apart`, `server.no_common_bus`
 */
export async function meetHouse(options: MeetOptions): Promise<Visitor> {
  const identity = await identifyProcess(process.pid);
  if (identity === undefined) throw new Error("The start time of this process cannot be read");
  const self: Self = {
    process: `${process.pid}-${randomBytes(6).toString("hex")}`,
    place: identity.place,
    pid: identity.pid,
    started: identity.startedAt,
    version: options.version ?? CLUSTER_VERSION,
    bus: options.bus,
  };
  const store = createMemberStore({ url: options.url, self });
  try {
    await meet(store, self, options);
    return { self, store, enter: () => enter(store, self, options) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** What was found: who lives, and everybody who was looked at. */
type Met = { readonly others: readonly Member[]; readonly known: ReadonlySet<string> };

async function meet(store: MemberStore, self: Self, options: MeetOptions): Promise<Met> {
  const { others, known } = await livingNow(store, options.onProgress);
  const first = others[0];
  if (first === undefined) return { others, known };
  if (!options.join) throw notAlone(first);
  for (const member of others) if (!isNear(member.version, self.version)) throw tooFarApart(member, self);
  for (const member of others) if (!member.bus) throw noCommonBus(member);
  const keys = await store.agreed("keys");
  if (keys !== null && keys !== options.keys) throw otherKeys(first);
  return { others, known };
}

async function enter(store: MemberStore, self: Self, options: MeetOptions): Promise<Joined> {
  try {
    let { others, known } = await meet(store, self, options);
    // Whoever came in between is met first.
    const seen = (members: readonly Member[]) =>
      members.every((one) => one.leaseMs <= 0 || known.has(one.process));
    while (!(await store.enter(seen))) ({ others, known } = await meet(store, self, options));
    const house = await store.agree("house", randomBytes(6).toString("hex"));
    if (others.length === 0) await store.decide("keys", options.keys);
    return { self, store, house, others, begun: keepLease(store) };
  } catch (error) {
    await store.leave().catch(() => undefined);
    await store.close();
    throw error;
  }
}

/** Renews the lease until it is told to end: reading a long journal must not look like an end. */
function keepLease(store: MemberStore): () => Promise<void> {
  const ended = new AbortController();
  const { signal } = ended;
  const loop = async () => {
    while (!signal.aborted) {
      await store.renewAndLook(NOT_SERVING).catch(() => undefined);
      await sleep(RENEW_EVERY_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
  };
  const looping = loop();
  return async () => {
    ended.abort();
    await looping;
  };
}

/** Those who renew their lease while they are watched; a lease nobody renews is waited out. */
async function livingNow(store: MemberStore, onProgress: MeetOptions["onProgress"]): Promise<Met> {
  const liveness = new Liveness({ nowMs: () => performance.now() });
  const known = new Set<string>();
  const seen = async () => {
    const members = await store.members();
    for (const { process } of members) known.add(process);
    return (await liveness.living(members)).filter(({ leaseMs }) => leaseMs > 0);
  };
  let before = await seen();
  while (before.length > 0) {
    onProgress?.("Looking for other processes on this database");
    await sleep(OBSERVE_MS);
    const now = await seen();
    const lease = new Map(before.map(({ process, leaseMs }) => [process, leaseMs]));
    const renewed = now.filter(
      ({ process, leaseMs }) => leaseMs > (lease.get(process) ?? 0) - OBSERVE_MS / 2,
    );
    if (renewed.length > 0) return { others: renewed, known };
    before = now;
  }
  return { others: [], known };
}

function notAlone({ address, pid }: Member): Fault {
  return new Fault(
    "server.not_alone",
    `Another Wanhui process (${address === "" ? `process ${pid}` : address}) already works on this database. To ` +
      "work beside it, start with --join and give both the same NATS_URL; else stop it first.",
  );
}

function otherKeys({ address, pid }: Member): Fault {
  return new Fault(
    "server.other_keys",
    `The process ${address === "" ? pid : address} of this database has other keys than this data folder. Copy its ` +
      "keys (`secret` and `show-key.pem` of its data folder) here: people's sign-ins and the proofs rest on them.",
  );
}

function noCommonBus({ address, pid }: Member): Fault {
  return new Fault(
    "server.no_common_bus",
    `The process ${address === "" ? pid : address} of this database was started without NATS_URL: it cannot be worked ` +
      "beside. Start it again with the NATS_URL of this one; the night goes on where it was.",
  );
}

function tooFarApart({ address, pid, version }: Member, self: Self): Fault {
  return new Fault(
    "server.too_far_apart",
    `The process ${address === "" ? pid : address} speaks version ${version} between processes, this one ` +
      `${self.version}; only neighbours understand each other. Update one step at a time.`,
  );
}
