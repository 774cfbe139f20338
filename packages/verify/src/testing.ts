// A second, slow and plain telling of docs/spec for the tests of this package: it writes proofs straight from the
// rules' words, with Node's own hash and signatures, and shares nothing with the code that checks them.

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign as signWith } from "node:crypto";
import { bls12_381 } from "@noble/curves/bls12-381.js";

/** Plain JSON of a test, changed freely by tampering. */
// biome-ignore lint/suspicious/noExplicitAny: a forger may write anything anywhere.
export type Loose = any;

export function sha(...parts: (Uint8Array | string)[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function canonical(value: Loose): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}

export function hashOf(value: Loose): string {
  return sha(canonical(value)).toString("hex");
}

/** RFC 9162 section 2.1.1, word by word. */
export function treeRoot(leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0) return sha("");
  if (leaves.length === 1) return sha(Uint8Array.of(0), leaves[0] as Uint8Array);
  const split = splitOf(leaves.length);
  return sha(Uint8Array.of(1), treeRoot(leaves.slice(0, split)), treeRoot(leaves.slice(split)));
}

/** RFC 9162 section 2.1.3.1. */
export function treePath(leaves: readonly Uint8Array[], index: number): Buffer[] {
  if (leaves.length <= 1) return [];
  const split = splitOf(leaves.length);
  return index < split
    ? [...treePath(leaves.slice(0, split), index), treeRoot(leaves.slice(split))]
    : [...treePath(leaves.slice(split), index - split), treeRoot(leaves.slice(0, split))];
}

function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

export type Key = { readonly publicKey: string; sign(value: Loose): string };

/** An Ed25519 key from a word. */
export function keyOf(word: string): Key {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), sha("test key ", word)]);
  const secret: KeyObject = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(secret)
    .export({ format: "der", type: "spki" })
    .subarray(-32)
    .toString("hex");
  return {
    publicKey,
    sign(value) {
      const { signature: _, ...rest } = value;
      return signWith(null, Buffer.from(`wanhui/sign/1\n${canonical(rest)}`), secret).toString("hex");
    },
  };
}

/** A beacon whose key the test holds, on drand's scheme and grid; a round is signed once. */
export function testBeacon(word = "beacon") {
  const bls = bls12_381.shortSignatures;
  const secret = new Uint8Array(sha("beacon secret ", word));
  secret[0] = 1;
  const publicKey = Buffer.from(bls.getPublicKey(secret).toBytes()).toString("hex");
  const facts = {
    publicKey,
    scheme: "bls-unchained-g1-rfc9380",
    genesisMs: 1_700_000_001_000,
    periodMs: 3_000,
  };
  const chain = { ...facts, chainHash: hashOf({ version: "wanhui/dev-chain/1", ...facts }) };
  const rounds = new Map<number, string>();
  return {
    chain,
    dueMs: (round: number) => chain.genesisMs + (round - 1) * chain.periodMs,
    signature(round: number): string {
      const known = rounds.get(round);
      if (known !== undefined) return known;
      const number = Buffer.alloc(8);
      number.writeBigUInt64BE(BigInt(round));
      const point = bls.hash(new Uint8Array(sha(number)), "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_");
      const signature = Buffer.from(bls.sign(point, secret).toBytes()).toString("hex");
      rounds.set(round, signature);
      return signature;
    },
  };
}
export type TestBeacon = ReturnType<typeof testBeacon>;

/** Numbers below a bound, the same for the same seed. */
export function seeded(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

export type Plan = {
  readonly draw: string;
  readonly schedule: readonly number[];
  /** Units promised by an earlier draw, released with window 0. */
  readonly promised: number;
  readonly firstWindowMs: number;
  readonly firstRound: number;
  readonly capPerUser: number;
  readonly leftoversTo: string | null;
  /** Names of declared witnesses. */
  readonly witnesses: readonly string[];
  /** Keys entering in each window. */
  readonly entrants: readonly (readonly string[])[];
  /** Windows nobody sealed in time. */
  readonly gaps: readonly number[];
  /** The window that is open when the draw is stopped; -1 before the opening. */
  readonly stopDuring: number | null;
  /** Sealed windows from here on are not drawn yet; the file is still growing. */
  readonly undrawnFrom: number | null;
  /** How many winners are refused later. */
  readonly forfeits: number;
};

/** Places where a forger may put his hand; each may change or replace what it is given. */
export type Tamper = {
  rules?(rules: Loose): void;
  arm?(arm: Loose): void;
  header?(header: Loose, keys: string[]): void;
  beacon?(draw: Loose, window: number): void;
  /** Winners as drawn; may be changed in place. */
  winners?(winners: Loose[], keys: readonly string[], window: number): void;
  /** After the draw of a window the forger may write any keys into the file. */
  keys?(keys: string[], window: number): void;
  record?(record: Loose): void;
  /** A kind of record that is left out, as if it had never been. */
  hides?: string;
  steps?(steps: Step[]): void;
  foot?(foot: Loose): void;
};

export type Step = { kind: string; body: Loose };

export type Told = {
  readonly file: Buffer;
  readonly steps: readonly Step[];
  readonly seals: readonly { readonly header: Loose; readonly hash: string; readonly signature: string }[];
  readonly winners: number;
  readonly entries: number;
};

const linesOf = <T>(items: readonly T[], per: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / per) }, (_, at) => items.slice(at * per, (at + 1) * per));

/** Writes the proof of a plan, as honest as the tampering leaves it. */
export function tell(plan: Plan, beacon: TestBeacon, tamper: Tamper = {}): Told {
  return new Teller(plan, beacon, tamper).tell();
}

class Teller {
  readonly #plan: Plan;
  readonly #beacon: TestBeacon;
  readonly #tamper: Tamper;
  readonly #show = keyOf("show");
  readonly #steps: Step[] = [];
  readonly #seals: { header: Loose; hash: string; signature: string }[] = [];
  readonly #wins = new Map<string, number>();
  readonly #awards: Loose[] = [];
  #armHash = "";
  #head = "";
  #released = 0;
  #waiting: string[] = [];
  #carried = 0;
  #entries = 0;

  constructor(plan: Plan, beacon: TestBeacon, tamper: Tamper) {
    this.#plan = plan;
    this.#beacon = beacon;
    this.#tamper = tamper;
  }

  #due(window: number): number {
    return this.#beacon.dueMs(this.#plan.firstRound + window);
  }

  tell(): Told {
    const { plan } = { plan: this.#plan };
    this.#begin();
    const windows = Math.min(plan.schedule.length, (plan.stopDuring ?? plan.schedule.length) + 1);
    for (let window = 0; window < windows; window++) this.#window(window, windows);
    if (plan.stopDuring === -1) this.#stop();
    if (this.#waiting.length > 0 || this.#carried > 0) this.#extend(windows);
    if (plan.undrawnFrom === null) this.#close();
    this.#tail();
    this.#tamper.steps?.(this.#steps);
    return {
      file: compose(this.#steps, this.#show, this.#tamper.foot),
      steps: this.#steps,
      seals: this.#seals,
      winners: this.#awards.length,
      entries: this.#entries,
    };
  }

  #begin(): void {
    const plan = this.#plan;
    const rules = {
      version: "wanhui/rules/1",
      draw: plan.draw,
      pool: "test/pool",
      title: '摇一摇 "one"',
      schedule: [...plan.schedule],
      firstWindowMs: plan.firstWindowMs,
      capPerUser: plan.capPerUser,
      enter: "guest",
      excludedRoles: ["host"],
      leftoversTo: plan.leftoversTo,
      claimTtlMs: 600_000,
      showKey: this.#show.publicKey,
      witnesses: plan.witnesses.map((name) => ({ name, publicKey: keyOf(name).publicKey })),
    };
    this.#tamper.rules?.(rules);
    const opensAtMs = this.#due(0) - 2_000 - plan.firstWindowMs;
    const arm = {
      version: "wanhui/arm/1",
      draw: plan.draw,
      rulesHash: hashOf(rules),
      armedAtMs: opensAtMs - 10_000,
      opensAtMs,
      beacon: this.#beacon.chain,
      firstRound: plan.firstRound,
      schedule: plan.schedule.map((units, window) => units + (window === 0 ? plan.promised : 0)),
    };
    this.#tamper.arm?.(arm);
    this.#armHash = hashOf(arm);
    this.#head = this.#armHash;
    const head = {
      version: "wanhui/proof/1",
      draw: plan.draw,
      show: "test",
      run: "test-1",
      level: "dev",
      software: "test",
    };
    this.#steps.push(
      { kind: "head", body: head },
      { kind: "rules", body: rules },
      { kind: "arm", body: this.#signed(arm) },
    );
  }

  #signed(record: Loose): Loose {
    return { record, signature: this.#show.sign(record) };
  }

  #units(window: number): number {
    return (this.#plan.schedule[window] ?? 0) + (window === 0 ? this.#plan.promised : 0);
  }

  #window(window: number, windows: number): void {
    const plan = this.#plan;
    this.#waiting = [...new Set([...this.#waiting, ...(plan.entrants[window] ?? [])])];
    if (plan.stopDuring === window) this.#stop();
    if (plan.gaps.includes(window)) {
      this.#carried += this.#units(window);
      const next = window + 1;
      const last = next >= windows || !plan.gaps.includes(next);
      if (last) this.#gap(window);
      return;
    }
    this.#seal(window, this.#units(window) + this.#carried, this.#due(window) - 1_990);
  }

  /** One record for the run of gap windows that ends with `to`. */
  #gap(to: number): void {
    let from = to;
    while (this.#plan.gaps.includes(from - 1)) from--;
    this.#record("gap", {
      version: "wanhui/gap/1",
      draw: this.#plan.draw,
      fromWindow: from,
      toWindow: to,
      armHash: this.#armHash,
      previousHash: this.#head,
      atMs: this.#due(to) + 5,
      newestRoundSeen: this.#plan.firstRound + to,
    });
  }

  /** DR12: entries of the last windows are waiting, so a window of their own is sealed at once. */
  #extend(windows: number): void {
    if (this.#waiting.length === 0) return;
    this.#seal(windows, this.#carried, this.#due(windows) - 2_900);
  }

  #stop(): void {
    const { stopDuring, draw } = this.#plan;
    const window = stopDuring ?? 0;
    const opensAtMs = this.#due(0) - 2_000 - this.#plan.firstWindowMs;
    this.#record("stop", {
      version: "wanhui/stop/1",
      draw,
      fromWindow: window + 1,
      armHash: this.#armHash,
      previousHash: this.#head,
      atMs: window < 0 ? opensAtMs - 1 : this.#due(window) - 2_001,
      reason: "the stage lost power",
    });
  }

  #record(kind: string, record: Loose): void {
    if (this.#tamper.hides === kind) return;
    this.#tamper.record?.(record);
    this.#head = hashOf(record);
    this.#steps.push({ kind, body: this.#signed(record) });
  }

  #seal(window: number, units: number, sealedAtMs: number): void {
    const keys = [...this.#waiting].sort();
    this.#waiting = [];
    this.#carried = 0;
    const header = {
      version: "wanhui/seal/1",
      draw: this.#plan.draw,
      window,
      armHash: this.#armHash,
      previousHash: this.#head,
      round: this.#plan.firstRound + window,
      units,
      parts: [{ count: keys.length, root: rootOf(keys) }],
      sealedAtMs,
      newestRoundSeen: this.#plan.firstRound + window - 1,
    };
    this.#tamper.header?.(header, keys);
    this.#released += header.units;
    const hash = hashOf(header);
    this.#head = hash;
    const signature = this.#show.sign(header);
    this.#seals.push({ header, hash, signature });
    this.#entries += keys.length;
    this.#steps.push({ kind: "seal", body: { header, signature } });
    if (this.#plan.undrawnFrom === null || window < this.#plan.undrawnFrom) this.#draw(header, hash, keys);
  }

  #draw(header: Loose, sealHash: string, keys: string[]): void {
    const { window } = header;
    const beaconSignature = this.#beacon.signature(header.round);
    const draw: Loose = { window, round: header.round, beaconSignature };
    this.#tamper.beacon?.(draw, window);
    draw.randomness ??= sha(Buffer.from(draw.beaconSignature, "hex")).toString("hex");
    draw.units ??= this.#released - this.#awards.length;
    const candidates = keys.filter((key) => (this.#wins.get(key) ?? 0) < this.#plan.capPerUser);
    const winners = candidates
      .map((userKey) => winnerOf(sealHash, draw.randomness, userKey))
      .sort((left, right) => (left.ticket < right.ticket ? -1 : 1))
      .slice(0, draw.units);
    this.#tamper.winners?.(winners, keys, window);
    for (const { userKey } of winners) this.#wins.set(userKey, (this.#wins.get(userKey) ?? 0) + 1);
    this.#awards.push(...winners.map((winner) => ({ ...winner, window })));
    this.#tamper.keys?.(keys, window);
    this.#steps.push({ kind: "draw", body: { ...draw, winners: winners.length } });
    for (const part of linesOf(keys, 1_000))
      this.#steps.push({ kind: "entries", body: { window, keys: part } });
    for (const part of linesOf(winners, 1_000)) {
      this.#steps.push({ kind: "winners", body: { window, winners: part } });
    }
  }

  #close(): void {
    const units = this.#plan.schedule.reduce<number>((sum, each) => sum + each, this.#plan.promised);
    this.#record("close", {
      version: "wanhui/close/1",
      draw: this.#plan.draw,
      armHash: this.#armHash,
      previousHash: this.#head,
      atMs: this.#due(this.#plan.schedule.length) + 60_000,
      leftUnits: units - this.#awards.length,
      leftoversTo: this.#plan.leftoversTo,
    });
  }

  #tail(): void {
    for (const { header, hash } of this.#seals) {
      for (const name of this.#plan.witnesses)
        this.#steps.push(witnessed(name, hash, this.#due(header.window) - 1_500));
    }
    for (const { awardId, userKey, window } of this.#awards.slice(0, this.#plan.forfeits)) {
      const body = {
        awardId,
        userKey,
        window,
        reason: "works for the host",
        atMs: this.#due(window) + 90_000,
      };
      this.#steps.push({ kind: "forfeit", body });
    }
  }
}

export function witnessed(name: string, sealHash: string, heardAtMs: number): Step {
  const key = keyOf(name);
  const signature = key.sign({ version: "wanhui/witness/1", sealHash, heardAtMs });
  return { kind: "witness", body: { name, publicKey: key.publicKey, sealHash, heardAtMs, signature } };
}

export function rootOf(keys: readonly string[]): string {
  return treeRoot(keys.map((key) => Buffer.from(key, "hex"))).toString("hex");
}

export function winnerOf(sealHash: string, randomness: string, userKey: string): Loose {
  const bytes = [sealHash, randomness, userKey].map((hex) => Buffer.from(hex, "hex"));
  const award = sha("wanhui/award/1", bytes[0] as Buffer, bytes[2] as Buffer).subarray(0, 16);
  return {
    userKey,
    ticket: sha("wanhui/ticket/1", ...bytes).toString("hex"),
    awardId: award.toString("hex"),
  };
}

/** Lines, links and foot over any steps, signed with the show's own key: a forger who is the operator has it. */
export function compose(steps: readonly Step[], show: Key, footTamper?: (foot: Loose) => void): Buffer {
  let previous = "0".repeat(64);
  const lines = steps.map(({ kind, body }, n) => {
    const line = canonical({ kind, n, previous, body });
    previous = sha(line).toString("hex");
    return line;
  });
  const foot: Loose = {
    version: "wanhui/foot/1",
    level: "dev",
    lines: steps.length + 1,
    madeMs: 1,
    sha256: previous,
  };
  footTamper?.(foot);
  const body = { ...foot, signature: show.sign(foot) };
  lines.push(canonical({ kind: "foot", n: steps.length, previous, body }));
  return Buffer.from(`${lines.join("\n")}\n`);
}

/** A random plan: sizes, gaps, stops, caps, leftovers, promises, witnesses, forfeits, growing files. */
export function randomPlan(seed: number): Plan {
  const random = seeded(seed);
  const windows = 1 + random(6);
  const schedule = Array.from({ length: windows }, () => random(5));
  if (!schedule.some((units) => units > 0)) schedule[random(windows)] = 1 + random(4);
  const crowd = Array.from({ length: 1 + random(30) }, (_, index) =>
    sha(`user ${seed} ${index}`).toString("hex"),
  );
  const stopDuring = random(5) === 0 ? random(windows + 1) - 1 : null;
  const undrawnFrom = random(6) === 0 ? random(windows) : null;
  return {
    draw: `test-1/draw-${seed}`,
    schedule,
    promised: random(4) === 0 ? random(6) : 0,
    firstWindowMs: 1 + random(60_000),
    firstRound: 2 + random(30),
    capPerUser: 1 + random(3),
    leftoversTo: random(2) === 0 ? null : "test-1/next",
    witnesses: ["civic hall", "the-daily"].slice(0, random(3)),
    entrants: schedule.map(() => crowd.filter(() => random(3) > 0)),
    gaps: schedule.map((_, window) => window).filter(() => random(6) === 0),
    stopDuring,
    undrawnFrom,
    forfeits: random(3),
  };
}

/** A receipt as the server would give it, over one tick's entries. */
export function receiptOf(
  draw: string,
  entries: readonly { window: number; userKey: string }[],
  index: number,
): Loose {
  const leaves = entries.map(({ window, userKey }) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(window);
    return Buffer.concat([sha(draw), number, Buffer.from(userKey, "hex")]);
  });
  const tick = {
    version: "wanhui/tick/1",
    shard: 3,
    seq: 17,
    atMs: 1_700_000_050_000,
    count: leaves.length,
    root: treeRoot(leaves).toString("hex"),
  };
  return {
    version: "wanhui/receipt/1",
    leaf: { draw, ...entries[index] },
    index,
    path: treePath(leaves, index).map((hash) => hash.toString("hex")),
    tick,
    signature: keyOf("show").sign(tick),
  };
}
