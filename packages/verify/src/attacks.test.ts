// Every attack of docs/spec/fairness.md that a file can show. The forger is the operator: he holds the show key, so all
// hashes, links and signatures of the forged files are right.

import { describe, expect, test } from "vitest";
import { nodeSha256 } from "./node.ts";
import {
  compose,
  hashOf,
  keyOf,
  type Loose,
  type Plan,
  receiptOf,
  rootOf,
  type Step,
  sha,
  type Tamper,
  tell,
  testBeacon,
  winnerOf,
  witnessed,
} from "./testing.ts";
import { type VerifyOptions, verifyProof } from "./verify-proof.ts";

const beacon = testBeacon();
const show = keyOf("show");
const crowd = Array.from({ length: 12 }, (_, index) => sha(`attack ${index}`).toString("hex")).sort();
const stranger = sha("a friend").toString("hex");
const plan: Plan = {
  draw: "test-1/attacked",
  schedule: [2, 1, 2],
  promised: 0,
  firstWindowMs: 6_000,
  firstRound: 5,
  capPerUser: 1,
  leftoversTo: "test-1/next",
  witnesses: ["civic hall"],
  entrants: [crowd, crowd.slice(0, 6), crowd.slice(4)],
  gaps: [],
  stopDuring: null,
  undrawnFrom: null,
  forfeits: 1,
};

async function check(file: Buffer, options: VerifyOptions = {}) {
  async function* source() {
    yield file;
  }
  return verifyProof(source(), { sha256: nodeSha256, ...options });
}

const known = { knownChains: [beacon.chain] };
const forge = (tamper: Tamper, changes: Partial<Plan> = {}) =>
  check(tell({ ...plan, ...changes }, beacon, tamper).file);
const dueMs = (window: number) => beacon.dueMs(plan.firstRound + window);

test("[FA1] the honest file is accepted", async () => {
  expect((await forge({})).failure).toBeNull();
});

const inWindow = (wanted: number, change: (winners: Loose[], keys: readonly string[]) => void): Tamper => ({
  winners: (winners, keys, window) => {
    if (window === wanted) change(winners, keys);
  },
});
const header = (wanted: number, change: (header: Loose, keys: string[]) => void): Tamper => ({
  header: (one, keys) => {
    if (one.window === wanted) change(one, keys);
  },
});
const record = (kind: string, change: (record: Loose) => void): Tamper => ({
  record: (one) => {
    if (one.version === `wanhui/${kind}/1`) change(one);
  },
});
const keysIn = (wanted: number, change: (keys: string[]) => void): Tamper => ({
  keys: (keys, window) => {
    if (window === wanted) change(keys);
  },
});

/** Attack, rule that catches it, how the forger goes about it, and how the plan differs. */
const attacks: [name: string, rule: string, tamper: Tamper, changes?: Partial<Plan>][] = [
  [
    "grinding: a seed of one's own",
    "DR15",
    {
      beacon: (draw, window) =>
        void (window === 1 && Object.assign(draw, { randomness: sha("mine").toString("hex") })),
    },
  ],
  [
    "a forged beacon signature",
    "DR15",
    {
      beacon: (draw, window) =>
        void (
          window === 1 && Object.assign(draw, { beaconSignature: testBeacon("other").signature(draw.round) })
        ),
    },
  ],
  [
    "rubbish for a beacon signature",
    "DR15",
    { beacon: (draw) => Object.assign(draw, { beaconSignature: "ab".repeat(48) }) },
  ],
  [
    "a late beacon: the round after",
    "DR15",
    {
      beacon: (draw, window) =>
        void (
          window === 1 &&
          Object.assign(draw, { round: draw.round + 1, beaconSignature: beacon.signature(draw.round + 1) })
        ),
    },
  ],
  [
    "the right round's number with another round's value",
    "DR15",
    {
      beacon: (draw, window) =>
        void (window === 1 && Object.assign(draw, { beaconSignature: beacon.signature(draw.round + 1) })),
    },
  ],
  ["a header that names another round", "DR3", header(1, (one) => void one.round++)],
  ["an invented order of winners", "DR14", inWindow(0, (winners) => void winners.reverse())],
  [
    "wrong winners",
    "DR14",
    inWindow(0, (winners, keys) => void winners.splice(1, 1, loserOf(winners, keys))),
  ],
  ["one winner too many", "DR14", inWindow(1, (winners, keys) => void winners.push(loserOf(winners, keys)))],
  ["a winner left out", "DR14", inWindow(0, (winners) => void winners.pop())],
  [
    "a winner with another ticket",
    "BY4",
    inWindow(0, (winners) => Object.assign(winners[0], { ticket: "00".repeat(32) })),
  ],
  [
    "a winner with another award",
    "BY6",
    inWindow(0, (winners) => Object.assign(winners[0], { awardId: "00".repeat(16) })),
  ],
  ["a winner who won before", "DR14", { winners: repeatWinner() }],
  ["a friend let in after the seal", "DR10", keysIn(0, (keys) => void keys.push(stranger))],
  [
    "a friend in the place of another after the seal",
    "BY5",
    keysIn(0, (keys) => {
      keys[3] = stranger;
      keys.sort();
    }),
  ],
  ["an entry dropped after the seal", "DR10", keysIn(0, (keys) => void keys.pop())],
  [
    "a clash of keys: one key twice",
    "BY5",
    header(0, (one, keys) => {
      keys.splice(1, 0, keys[0] as string);
      one.parts = [{ count: keys.length, root: rootOf(keys) }];
    }),
  ],
  [
    "keys out of order",
    "BY5",
    header(0, (one, keys) => {
      keys.reverse();
      one.parts[0].root = rootOf(keys);
    }),
  ],
  [
    "a free re-roll: the window sealed a second time",
    "DR12",
    header(1, (one) => Object.assign(one, { window: 0 })),
  ],
  ["sealed when the seed was due", "DR11", header(1, (one) => Object.assign(one, { sealedAtMs: dueMs(1) }))],
  [
    "sealed when the seed was known",
    "DR11",
    header(1, (one) => Object.assign(one, { newestRoundSeen: one.round })),
  ],
  [
    "sealed while the window was open",
    "DR10",
    header(1, (one) => Object.assign(one, { sealedAtMs: one.sealedAtMs - 60 })),
  ],
  ["units moved into a window", "DR10", header(1, (one) => void one.units++)],
  [
    "units drawn that were not released",
    "DR14",
    { beacon: (draw, window) => void (window === 0 && Object.assign(draw, { units: 3 })) },
  ],
  [
    "units moved between windows at arming",
    "DR4",
    { arm: (arm) => Object.assign(arm, { schedule: [2, 2, 1] }) },
  ],
  [
    "units lost at the close",
    "DR16",
    record("close", (one) => Object.assign(one, { leftUnits: 0 })),
    { entrants: [[], [], []], forfeits: 0 },
  ],
  [
    "units sent elsewhere at the close",
    "DR16",
    record("close", (one) => Object.assign(one, { leftoversTo: "test-1/mine" })),
  ],
  ["rules changed after arming", "DR4", { arm: (arm) => Object.assign(arm, { rulesHash: "00".repeat(32) }) }],
  [
    "armed too late to be heard of",
    "DR4",
    { arm: (arm) => Object.assign(arm, { armedAtMs: arm.armedAtMs + 1 }) },
  ],
  [
    "an opening off the grid",
    "DR3",
    { arm: (arm) => Object.assign(arm, { opensAtMs: arm.opensAtMs + 1, armedAtMs: arm.armedAtMs - 10 }) },
  ],
  ["a window skipped silently", "DR12", { steps: (steps) => dropWindow(steps, 1) }],
  [
    "a gap over a window that could be sealed",
    "DR12",
    record("gap", (one) => Object.assign(one, { atMs: dueMs(1) - 1, newestRoundSeen: 5 })),
    { gaps: [1] },
  ],
  [
    "a gap that skips more than it says",
    "DR12",
    record("gap", (one) => void one.toWindow--),
    { gaps: [1, 2] },
  ],
  ["a stop hidden", "DR16", { hides: "stop" }, { stopDuring: 0 }],
  [
    "a stop that cuts off the open window",
    "DR13",
    record("stop", (one) => void one.fromWindow--),
    { stopDuring: 1 },
  ],
  [
    "a stop without a reason",
    "DR13",
    record("stop", (one) => Object.assign(one, { reason: " " })),
    { stopDuring: 1 },
  ],
  [
    "a forfeit of nobody's award",
    "AW4",
    { steps: (steps) => Object.assign(forfeitIn(steps), { awardId: "00".repeat(16) }) },
  ],
  [
    "a forfeit of another's award",
    "AW4",
    { steps: (steps) => Object.assign(forfeitIn(steps), { userKey: stranger }) },
  ],
  [
    "a witness the rules do not declare",
    "WT1",
    { steps: (steps) => void steps.splice(-1, 0, witnessed("a friend", "00".repeat(32), 1)) },
  ],
  [
    "a witness's signature made up",
    "WT1",
    { steps: (steps) => Object.assign(witnessIn(steps), { heardAtMs: witnessIn(steps).heardAtMs - 1 }) },
  ],
  [
    "a level claimed that is not there",
    "PF3",
    { foot: (foot) => Object.assign(foot, { level: "beacon+witness" }) },
  ],
  [
    "a head that claims a public beacon",
    "PF3",
    { steps: (steps) => Object.assign((steps[0] as Step).body, { level: "beacon" }) },
  ],
  [
    "records signed by somebody else",
    "BY10",
    { rules: (rules) => Object.assign(rules, { showKey: keyOf("other").publicKey }) },
  ],
  [
    "a record nobody signed",
    "BY10",
    { steps: (steps) => Object.assign(stepOf(steps, "close").body, { signature: "00".repeat(64) }) },
  ],
  [
    "a quicknet of one's own",
    "BC1",
    {
      arm: (arm) =>
        Object.assign(arm, {
          beacon: {
            ...arm.beacon,
            chainHash: "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
          },
        }),
    },
  ],
  [
    "a field nobody checks",
    "PF2",
    { steps: (steps) => Object.assign(stepOf(steps, "draw").body, { note: "trust me" }) },
  ],
  ["records of another draw", "DR10", header(1, (one) => Object.assign(one, { draw: "test-1/other" }))],
];

describe("[FA1] a forger with the show key is caught", () => {
  test.each(attacks)("%s [%s]", async (_, rule, tamper, changes) => {
    const verdict = await forge(tamper, changes);
    expect(verdict.accepted).toBe(false);
    expect(verdict.failure).toMatchObject({ rule });
    expect(verdict.failure?.line).toBeGreaterThan(0);
  });
});

function loserOf(winners: readonly Loose[], keys: readonly string[]): Loose {
  const won = new Set(winners.map(({ userKey }) => userKey));
  return { ...winners[0], userKey: keys.find((key) => !won.has(key)) };
}

/** Someone whose cap is reached wins again, with his right ticket. */
function repeatWinner(): NonNullable<Tamper["winners"]> {
  let first: string | undefined;
  return (winners, keys, window) => {
    if (window === 0)
      first = winners.map(({ userKey }) => userKey).find((key) => crowd.slice(0, 6).includes(key));
    if (window === 1 && first !== undefined && keys.includes(first))
      winners[0] = { ...winners[0], userKey: first };
    else if (window === 1) winners[0] = winnerOf("00".repeat(32), "00".repeat(32), keys[0] as string);
  };
}

function stepOf(steps: Step[], kind: string): Step {
  const found = steps.find((step) => step.kind === kind);
  if (found === undefined) throw new Error(`the plan has no ${kind}`);
  return found;
}
const forfeitIn = (steps: Step[]): Loose => stepOf(steps, "forfeit").body;
const witnessIn = (steps: Step[]): Loose => stepOf(steps, "witness").body;

/** Signs all records after a cut anew, as the forger can. */
function relink(steps: Step[]): void {
  let previous = hashOf(stepOf(steps, "arm").body.record);
  for (const { body } of steps) {
    const one = body.header ?? body.record;
    if (one === undefined || one.previousHash === undefined) continue;
    one.previousHash = previous;
    previous = hashOf(one);
    body.signature = show.sign(one);
  }
}

function dropWindow(steps: Step[], window: number): void {
  for (let at = steps.length - 1; at >= 0; at--) {
    const { body } = steps[at] as Step;
    if ((body.header ?? body).window === window) steps.splice(at, 1);
  }
  relink(steps);
}

test("[FA1][PF2] a foot signed by another key than the rules name", async () => {
  const { steps } = tell(plan, beacon);
  const file = compose(steps, keyOf("other"));
  const lines = file.toString().split("\n").length - 1;
  expect((await check(file)).failure).toMatchObject({ rule: "PF2", field: "body.signature", line: lines });
});

describe("what the checker brings", () => {
  test("[VF2][FA2] built after the beacon: consistent, but not sealed before the seed", async () => {
    const { file } = tell({ ...plan, witnesses: [] }, beacon);
    const verdict = await check(file, known);
    expect(verdict).toMatchObject({
      accepted: true,
      consistent: true,
      level: "beacon",
      sealedBeforeSeed: "not shown",
    });
  });

  test("[VF2][PF3][WT1] a witness of every drawn window: sealed before the seed", async () => {
    const verdict = await check(
      tell(plan, beacon, { foot: (foot) => Object.assign(foot, { level: "beacon+witness" }) }).file,
      known,
    );
    expect(verdict).toMatchObject({ failure: null, level: "beacon+witness", sealedBeforeSeed: "yes" });
  });

  test("[VF2][PF3] a witness who heard one seal too late does not count", async () => {
    const late: Tamper = {
      steps(steps) {
        const at = steps.findIndex(({ kind }) => kind === "witness");
        steps[at] = witnessed("civic hall", (steps[at] as Step).body.sealHash, dueMs(0));
      },
    };
    const verdict = await check(tell(plan, beacon, late).file, known);
    expect(verdict).toMatchObject({ failure: null, level: "beacon", sealedBeforeSeed: "not shown" });
    const claimed = tell(plan, beacon, {
      ...late,
      foot: (foot) => Object.assign(foot, { level: "beacon+witness" }),
    });
    expect((await check(claimed.file, known)).failure).toMatchObject({ rule: "PF3" });
  });

  test("[FA4] a dev beacon earns nothing by witnesses", async () => {
    const told = tell(plan, beacon);
    const heard = told.seals.map(({ header: one, signature }) => ({ record: one, signature, heardAtMs: 1 }));
    expect(await check(told.file, { heard })).toMatchObject({
      failure: null,
      level: "dev",
      sealedBeforeSeed: "not shown",
    });
  });

  test("[VF5] the verdict names why by a code, and how many windows nothing covers", async () => {
    const alone = tell({ ...plan, witnesses: [] }, beacon);
    const drawn = alone.seals.length;
    const heard = alone.seals.map(({ header: one, signature }, index) => ({
      record: one,
      signature,
      heardAtMs: beacon.dueMs(one.round) - (index === 0 ? 0 : 1),
    }));
    const why = async (...args: Parameters<typeof check>) => {
      const { sealedCode, windowsUncovered } = await check(...args);
      return [sealedCode, windowsUncovered];
    };
    expect(await why(tell(plan, beacon).file, known)).toEqual(["covered", 0]);
    expect(await why(alone.file, known)).toEqual(["uncovered", drawn]);
    expect(await why(alone.file, { ...known, heard })).toEqual(["uncovered", 1]);
    expect(await why(tell(plan, beacon).file)).toEqual(["dev_beacon", drawn]);
    expect(await why(tell({ ...plan, undrawnFrom: 0 }, beacon).file, known)).toEqual(["nothing_drawn", 0]);
    expect(await why(Buffer.from("{}\n"), known)).toEqual(["rejected", 0]);
  });

  test("[VF2] headers the checker heard in time cover their windows, late ones do not", async () => {
    const told = tell({ ...plan, witnesses: [] }, beacon);
    const heard = told.seals.map(({ header: one, signature }) => ({
      record: one,
      signature,
      heardAtMs: beacon.dueMs(one.round) - 1,
    }));
    expect((await check(told.file, { ...known, heard })).sealedBeforeSeed).toBe("yes");
    const late = heard.map((one, index) => (index === 1 ? { ...one, heardAtMs: one.heardAtMs + 1 } : one));
    const verdict = await check(told.file, { ...known, heard: late });
    expect(verdict.sealedBeforeSeed).toBe("not shown");
    expect(verdict.heard.map(({ status }) => status)).toEqual(["matches", "late", "matches"]);
  });

  test("[VF4][FA3] another header of the same window, a gap over a heard seal and a hidden stop are rejected", async () => {
    const told = tell(plan, beacon);
    const other = tell(
      plan,
      beacon,
      header(1, (one) => Object.assign(one, { sealedAtMs: one.sealedAtMs + 1 })),
    );
    const gapped = tell({ ...plan, gaps: [1] }, beacon);
    const stopped = tell({ ...plan, stopDuring: 1 }, beacon);
    const seal = told.seals[1];
    const heardSeal = [{ record: seal?.header, signature: seal?.signature, heardAtMs: dueMs(1) - 900 }];
    for (const { file } of [other, gapped]) {
      const verdict = await check(file, { ...known, heard: heardSeal });
      expect(verdict).toMatchObject({ accepted: false, consistent: true, failure: { rule: "VF4", line: 0 } });
    }
    const stop = stopped.steps.find(({ kind }) => kind === "stop")?.body;
    const heardStop = [{ ...stop, heardAtMs: 1 }];
    expect((await check(told.file, { heard: heardStop })).failure).toMatchObject({ rule: "VF4" });
    expect((await check(stopped.file, { heard: heardStop })).failure).toBeNull();
  });

  test("[VF4] what anybody could have made up proves nothing, and a growing file may not be there yet", async () => {
    const told = tell(plan, beacon);
    const seal = told.seals[1];
    const forged = { record: { ...seal?.header, units: 9 }, signature: seal?.signature, heardAtMs: 1 };
    const verdict = await check(told.file, { heard: [forged, "rubbish", { record: 3 }] });
    expect(verdict.accepted).toBe(true);
    expect(verdict.heard.map(({ status }) => status)).toEqual(["not valid", "not valid", "not valid"]);
    const cut = told.steps.findIndex(({ kind, body }) => kind === "seal" && body.header.window === 2);
    const growing = compose(told.steps.slice(0, cut), show);
    const last = told.seals[2];
    const heard = [{ record: last?.header, signature: last?.signature, heardAtMs: 1 }];
    const early = await check(growing, { heard });
    expect(early).toMatchObject({ accepted: true, final: false });
    expect(early.heard[0]?.status).toBe("not yet in the file");
  });
});

describe("receipts", () => {
  const entries = crowd.map((userKey) => ({ window: 0, userKey }));

  test("[RC1][RC2] a kept entry is found, and whether it won", async () => {
    const told = tell(plan, beacon);
    const receipts = entries.map((_, index) => receiptOf(plan.draw, entries, index));
    const verdict = await check(told.file, { receipts });
    expect(verdict.failure).toBeNull();
    expect(verdict.receipts.every(({ status }) => status === "found")).toBe(true);
    expect(verdict.receipts.filter(({ won }) => won).length).toBe(2);
  });

  test("[RC2][FA3] an acknowledged entry that was dropped before the seal rejects the file", async () => {
    const dropped = tell({ ...plan, entrants: [crowd.slice(1), ...plan.entrants.slice(1)] }, beacon);
    const verdict = await check(dropped.file, { receipts: [receiptOf(plan.draw, entries, 0)] });
    expect(verdict).toMatchObject({ accepted: false, consistent: true, failure: { rule: "RC2" } });
  });

  test("[RC2][DR12] an entry of a gap window is looked for in the next sealed one", async () => {
    const told = tell({ ...plan, gaps: [0] }, beacon);
    const verdict = await check(told.file, { receipts: [receiptOf(plan.draw, entries, 8)] });
    expect(verdict.receipts[0]).toMatchObject({ status: "found", sealedWindow: 1 });
  });

  test("[RC1] a receipt that was changed, or of another draw, proves nothing", async () => {
    const told = tell(plan, beacon);
    const good = receiptOf(plan.draw, entries, 3);
    const bad = [
      { ...good, leaf: { ...good.leaf, userKey: stranger } },
      { ...good, index: 4 },
      { ...good, path: good.path.slice(1) },
      { ...good, path: [...good.path, good.path[0]] },
      { ...good, tick: { ...good.tick, atMs: 1 } },
      { ...good, signature: "00".repeat(64) },
      { ...good, extra: 1 },
      receiptOf("test-1/other", entries, 3),
      null,
    ];
    const verdict = await check(told.file, { receipts: bad });
    expect(verdict.accepted).toBe(true);
    expect(verdict.receipts.map(({ status }) => status)).toEqual(bad.map(() => "not valid"));
  });

  test("[RC2] before its window is drawn a receipt is neither found nor missing", async () => {
    const told = tell({ ...plan, undrawnFrom: 0, forfeits: 0 }, beacon);
    const verdict = await check(told.file, { receipts: [receiptOf(plan.draw, entries, 3)] });
    expect(verdict).toMatchObject({ accepted: true, final: false });
    expect(verdict.receipts[0]?.status).toBe("not yet sealed");
  });
});
