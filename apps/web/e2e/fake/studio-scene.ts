// What the studio is shown, in states a test asks for: a rundown, pools, awards of every state, staff.

import type {
  ActView,
  AwardState,
  StaffView,
  StudioAwardView,
  StudioCueView,
  StudioPoolView,
  StudioView,
} from "@wanhui/protocol";
import { cue, makeShow, PRIZES, round } from "./scenes.ts";

const RUN = "spring-gala-1";
const HOUR_MS = 3_600_000;

type Units = Partial<Omit<StudioPoolView, "pool" | "units" | "free" | "held">>;

/** A pool whose free units are what is left of all others. */
export function pool(slug: string, units: number, part: Units = {}): StudioPoolView {
  const all = { openAwards: 0, heldByDraw: 0, promised: 0, posted: 0, withdrawn: 0, ...part };
  const held = all.openAwards + all.heldByDraw + all.promised;
  const free = units - held - all.posted - all.withdrawn;
  return { pool: `${RUN}/${slug}`, units, free, held, ...all };
}

/** One pool for each prize of the fake show. */
export const POOLS: readonly StudioPoolView[] = [
  pool("tea-set", 126, { openAwards: 25, heldByDraw: 60, promised: 10, posted: 11, withdrawn: 6 }),
  pool("dumpling-hamper", 200),
  pool("lucky-cash", 400, { posted: 400 }),
  pool("gala-coupon", 2_000, { openAwards: 340, posted: 1_200 }),
  pool("car-year", 5, { heldByDraw: 5 }),
  pool("down-jacket", 60, { openAwards: 12, posted: 48 }),
];

const act = (number: number, atMs: number, part: Partial<ActView>): ActView => ({
  act: number,
  atMs,
  who: "operator-7c01aa20",
  role: "operator",
  action: "arm",
  target: "round-1",
  reason: null,
  ...part,
});

/** One act of every kind an operator has, newest first. */
export function allActs(nowMs: number): readonly ActView[] {
  const award = "3f".repeat(16);
  const until = new Date(nowMs + 30 * HOUR_MS).toISOString();
  const kinds: readonly Partial<ActView>[] = [
    { action: "end role refused", target: "operator-7c01aa20", reason: "staff.last_operator" },
    { action: "end role", target: "host-11223344" },
    { action: "invite", target: "auditor" },
    { action: "withdraw refused", target: `${RUN}/tea-set`, reason: "pool.insufficient" },
    { action: "withdraw", target: `${RUN}/tea-set`, reason: "6 units, command 0a1b2c3d: broken in the kiln" },
    { action: "restock", target: `${RUN}/tea-set`, reason: "1 units, command 11223344: one more found" },
    { action: "extend", target: award, reason: `until ${until}: the parcel shop is closed` },
    { action: "forfeit", target: award, reason: "entered twice" },
    { action: "hold", target: "finale", reason: "等零点" },
    { action: "arm", target: "round-1" },
  ];
  return kinds.map((kind, index) => act(kinds.length - index, nowMs - (index + 1) * 26_000, kind));
}

const ACTS = (nowMs: number): readonly ActView[] => [
  act(2, nowMs - 26_000, {}),
  act(1, nowMs - 90_000, { action: "hold", target: "finale", reason: "等零点" }),
];

/** An award as staff see it; the higher its number, the newer it is. */
export function studioAward(
  number: number,
  nowMs: number,
  part: Partial<StudioAwardView> = {},
): StudioAwardView {
  const prize = PRIZES[number % PRIZES.length];
  const state: AwardState = part.state ?? "held";
  const hex = number.toString(16).padStart(4, "0");
  return {
    awardId: hex.repeat(8),
    pool: prize?.pool ?? "",
    title: prize?.title ?? null,
    draw: `${RUN}/round-1`,
    window: number % 6,
    winner: `a${hex.slice(1)}${hex.repeat(7)}`,
    wonAtMs: nowMs - HOUR_MS + number * 1_000,
    state,
    claimByMs: state === "held" || state === "committing" ? nowMs + 47 * HOUR_MS : null,
    reason: null,
    actions: state === "held" ? ["extend", "forfeit"] : [],
    ...part,
  };
}

/** An award of every state, newest first. */
export function allStudioAwards(nowMs: number): readonly StudioAwardView[] {
  return [
    studioAward(9, nowMs),
    studioAward(8, nowMs, { actions: ["forfeit"], claimByMs: nowMs + 71 * HOUR_MS }),
    studioAward(7, nowMs, { state: "committing" }),
    studioAward(6, nowMs, { state: "posted", draw: null, window: null }),
    studioAward(5, nowMs, { state: "expired" }),
    studioAward(4, nowMs, { state: "forfeited", reason: "重复参与" }),
  ];
}

/** Two operators, a host, one whose role has ended and one whose sign-in has run out. */
export function staffScene(nowMs: number): readonly StaffView[] {
  const member = (staff: string, hoursAgo: number, part: Partial<StaffView> = {}): StaffView => ({
    staff,
    role: staff.split("-")[0] as StaffView["role"],
    invitedBy: "operator-7c01aa20",
    createdAtMs: nowMs - hoursAgo * HOUR_MS,
    endsAtMs: nowMs + (72 - hoursAgo) * HOUR_MS,
    revokedAtMs: null,
    ...part,
  });
  return [
    member("operator-0badcafe", 80, { invitedBy: null }),
    member("operator-7c01aa20", 5, { invitedBy: null }),
    member("operator-5e11e5e1", 4),
    member("host-11223344", 3),
    member("auditor-99aabbcc", 2, { revokedAtMs: nowMs - HOUR_MS }),
  ];
}

function studioCue(view: ReturnType<typeof cue>, part: Partial<StudioCueView>): StudioCueView {
  return { ...view, actions: [], reason: null, lateMaxMs: 0, ...part };
}

const studioCues = (nowMs: number): readonly StudioCueView[] => [
  studioCue(
    cue("opening", "segment", nowMs - 300_000, "done", {
      zh: "开场歌舞《春潮》",
      en: "Opening dance: Spring Tide",
    }),
    {},
  ),
  studioCue(
    cue(
      "round-1",
      "round",
      nowMs - 5_000,
      "live",
      { zh: "第一轮 · 开门红", en: "Round one: a red start" },
      "round-1",
    ),
    {},
  ),
  studioCue(
    cue("crosstalk", "segment", nowMs + 120_000, "pending", {
      zh: "相声《抢票记》",
      en: "Crosstalk: The Ticket Rush",
    }),
    {
      actions: ["hold", "skip"],
    },
  ),
  studioCue(
    cue(
      "round-2",
      "round",
      nowMs + 300_000,
      "pending",
      { zh: "第二轮 · 团圆饺子", en: "Round two: dumplings" },
      "round-2",
    ),
    {
      actions: ["arm", "hold", "skip"],
    },
  ),
  studioCue(
    cue(
      "round-3",
      "round",
      nowMs - 20_000,
      "missed",
      { zh: "第三轮 · 开新车过新年", en: "Round three: drive" },
      "round-3",
    ),
    {
      actions: ["rearm", "skip"],
      reason: "too late to arm",
    },
  ),
  studioCue(cue("finale", "segment", nowMs + 1_200_000, "held", { zh: "零点钟声", en: "Midnight bell" }), {
    actions: ["release", "skip"],
  }),
];

/** A night in its first round, with everything a director decides on. */
export function studioScene(nowMs: number): StudioView {
  const rounds = [
    round(0, nowMs - 5_000, "open", { firstWindowMs: 600_000 }),
    round(1, nowMs + 300_000, "planned"),
    round(2, nowMs + 600_000, "missed"),
  ];
  const show = makeShow(nowMs, { rounds, rehearsal: true, beacon: { level: "dev", name: "local" } });
  const cues = studioCues(nowMs);
  const wave = Math.sin(nowMs / 3_000);
  return {
    show,
    cues,
    currentCue: "round-1",
    nextCue: "crosstalk",
    numbers: {
      ...show.counts,
      tapsPerSecond: 8_420 + Math.round(2_000 * wave),
      entriesPerSecond: 1_204 + Math.round(300 * wave),
      orders: 8,
      paid: 7,
      journalAppendMs: 3,
      materialiserLagBatches: 42,
    },
    pools: POOLS,
    acts: ACTS(nowMs),
    health: { ok: true, parts: [] },
  };
}
