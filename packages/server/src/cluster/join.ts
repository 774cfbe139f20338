import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Fault, identifyProcess } from "../platform/mod.ts";
import { Liveness } from "./liveness.ts";
import { createMemberStore, type Member, type MemberStore, type Self } from "./member-store.ts";
import { CLUSTER_VERSION, isNear } from "./messages.ts";

/** Renewals come every half second: one who misses this many is not there. */
const OBSERVE_MS = 1_200;

/** A process that may work beside those it found. */
export type Joined = {
  readonly self: Self;
  readonly store: MemberStore;
  /** Name of this database's house, for the bus. */
  readonly house: string;
  /** Processes that were alive when this one came. */
  readonly others: readonly Member[];
};

/**
 * Looks who else lives on the database and whether this process may begin (MP3). Nothing is changed by a refusal.
 *
 * @param options.join whether to work beside others
 * @param options.keys what tells the house's keys from others, such as their hash
 * @throws Fault `server.not_alone`, `server.other_keys`, `server.too_far_apart`
 */
export async function joinHouse(options: {
  readonly url: string;
  readonly join: boolean;
  readonly keys: string;
  readonly onProgress?: (sentence: string) => void;
}): Promise<Joined> {
  const identity = await identifyProcess(process.pid);
  if (identity === undefined) throw new Error("The start time of this process cannot be read");
  const self: Self = {
    process: `${process.pid}-${randomBytes(6).toString("hex")}`,
    place: identity.place,
    pid: identity.pid,
    started: identity.startedAt,
    version: CLUSTER_VERSION,
  };
  const store = createMemberStore({ url: options.url, self });
  try {
    const others = await livingNow(store, options.onProgress);
    const first = others[0];
    if (first !== undefined && !options.join) throw notAlone(first);
    for (const member of others) if (!isNear(member.version)) throw tooFarApart(member);
    const house = await store.agree("house", randomBytes(6).toString("hex"));
    if (first === undefined) await store.decide("keys", options.keys);
    else if ((await store.agree("keys", options.keys)) !== options.keys) throw otherKeys(first);
    return { self, store, house, others };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Those who renew their lease while they are watched; a lease nobody renews is waited out. */
async function livingNow(
  store: MemberStore,
  onProgress: ((sentence: string) => void) | undefined,
): Promise<readonly Member[]> {
  const liveness = new Liveness({ nowMs: () => performance.now() });
  const seen = async () => {
    const { members } = await store.look();
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
    if (renewed.length > 0) return renewed;
    before = now;
  }
  return [];
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
      "keys (the files of its data folder that end in .key) here: people's sign-ins and the proofs rest on them.",
  );
}

function tooFarApart({ address, pid, version }: Member): Fault {
  return new Fault(
    "server.too_far_apart",
    `The process ${address === "" ? pid : address} speaks version ${version} between processes, this one ` +
      `${CLUSTER_VERSION}; only neighbours understand each other. Update one step at a time.`,
  );
}
