// States of a night, as a server would show them: shows with times relative to now. Test doubles for looking at
// states; the rules are proven against the real server.

import type {
  AwardView,
  CueView,
  PrizeView,
  RainView,
  RoundPhase,
  RoundView,
  ShowView,
} from "@wanhui/protocol";

const RUN = "spring-gala-1";
const HASH = "ab".repeat(32);

function prize(
  slug: string,
  kind: PrizeView["kind"],
  zh: string,
  en: string,
  worthMinor: number,
  promised: number,
  left = promised,
): PrizeView {
  const worth = { amountMinor: worthMinor, currency: "CNY" };
  return {
    pool: `${RUN}/${slug}`,
    slug,
    kind,
    title: { zh, en },
    detail: { zh: "", en: "" },
    picture: `/pictures/${slug}.svg`,
    worth,
    price: { amountMinor: kind === "goods" ? 1 : 0, currency: "CNY" },
    value: kind === "coupon" || kind === "cash" ? worth : null,
    sponsor: kind === "goods" ? { zh: "南窑瓷坊", en: "South Kiln Porcelain" } : null,
    promised,
    left,
  };
}

export const PRIZES: readonly PrizeView[] = [
  prize("tea-set", "goods", "青花瓷茶具", "Porcelain tea set", 29_900, 120, 84),
  prize("dumpling-hamper", "goods", "团圆饺子礼篮", "Dumpling hamper", 16_800, 200),
  prize("lucky-cash", "cash", "八块八压岁钱", "Lucky money", 888, 400),
  prize("gala-coupon", "coupon", "满减年货券", "New Year coupon", 2_000, 2_000),
  prize("car-year", "right", "新能源轿车一年使用权", "An electric car for a year", 3_600_000, 5),
  prize("down-jacket", "goods", "极地羽绒服", "Polar down jacket", 89_900, 60, 0),
];

const TITLES = [
  { zh: "第一轮 · 开门红", en: "Round one: a red start" },
  { zh: "第二轮 · 团圆饺子", en: "Round two: dumplings for everyone" },
  { zh: "第三轮 · 开新车过新年", en: "Round three: drive into the New Year" },
] as const;
const POOLS = ["tea-set", "dumpling-hamper", "car-year"] as const;

export function round(
  index: number,
  opensAtMs: number,
  phase: RoundPhase,
  part: Partial<RoundView> = {},
): RoundView {
  const schedule = part.schedule ?? [30, 20, 20, 20, 15, 15];
  const firstWindowMs = part.firstWindowMs ?? 3_000;
  return {
    draw: `${RUN}/round-${index + 1}`,
    index,
    slug: `round-${index + 1}`,
    title: TITLES[index] ?? TITLES[0],
    venue: "main",
    pool: `${RUN}/${POOLS[index] ?? "tea-set"}`,
    phase,
    opensAtMs,
    closesAtMs: opensAtMs + firstWindowMs + (schedule.length - 1) * 3_000,
    firstWindowMs,
    windowMs: 3_000,
    schedule,
    enter: "guest",
    capPerUser: 1,
    botCheck: false,
    rulesHash: HASH,
    armHash: null,
    firstRound: null,
    level: phase === "planned" ? null : "dev",
    entries: 0,
    winners: 0,
    drawnThrough: 0,
    reason: null,
    ...part,
  };
}

export function cue(
  slug: string,
  kind: CueView["kind"],
  atMs: number,
  state: CueView["state"],
  title: CueView["title"],
  opens: string | null = null,
): CueView {
  return { cue: slug, kind, title, detail: null, venue: "main", atMs, endsAtMs: null, state, opens };
}

const MINUTE = 60_000;

export function makeShow(nowMs: number, part: Partial<ShowView> = {}): ShowView {
  const rounds = part.rounds ?? [];
  const cues = part.cues ?? [
    cue("opening", "segment", nowMs - 4 * MINUTE, "done", {
      zh: "开场歌舞《春潮》",
      en: "Opening dance: Spring Tide",
    }),
    cue("crosstalk", "segment", nowMs - MINUTE, "live", {
      zh: "相声《抢票记》",
      en: "Crosstalk: The Ticket Rush",
    }),
    ...rounds.map((each) =>
      cue(
        each.slug,
        "round",
        each.opensAtMs,
        each.phase === "closed" ? "done" : "pending",
        each.title,
        each.slug,
      ),
    ),
    cue("finale", "segment", nowMs + 24 * MINUTE, "pending", {
      zh: "零点钟声《难忘今宵》",
      en: "Midnight bell and farewell",
    }),
  ];
  return {
    show: "spring-gala",
    run: RUN,
    title: { zh: "春满万家联欢晚会", en: "Spring in Every Home" },
    subtitle: { zh: "一分钱，把年货带回家", en: "Take the New Year home, for one cent" },
    picture: "/pictures/hero.svg",
    theme: "gala",
    rehearsal: false,
    startsAtMs: nowMs - 5 * MINUTE,
    endsAtMs: nowMs + 25 * MINUTE,
    venues: [
      { slug: "main", title: { zh: "主会场", en: "Main venue" }, main: true },
      { slug: "kitchen", title: { zh: "年夜饭厨房", en: "New Year's Eve kitchen" }, main: false },
      { slug: "hometown", title: { zh: "家乡好物", en: "Hometown market" }, main: false },
    ],
    rains: [],
    prizes: PRIZES,
    beacon: { level: "beacon", name: "drand quicknet" },
    showKey: HASH,
    stream: "s1",
    offset: 0,
    nowMs,
    counts: { viewers: 12_840, taps: 482_113, entries: 61_204, awards: 36, claims: 11, left: {}, open: {} },
    ...part,
    rounds,
    cues,
  };
}

export function rain(opensAtMs: number, phase: RainView["phase"]): RainView {
  return {
    slug: "coupon-rain",
    pool: `${RUN}/gala-coupon`,
    title: { zh: "年货券雨", en: "Coupon rain" },
    venue: "main",
    phase,
    opensAtMs,
    closesAtMs: opensAtMs + MINUTE,
    botCheck: false,
  };
}

export function award(slug: string, nowMs: number, part: Partial<AwardView> = {}): AwardView {
  const found = PRIZES.find((each) => each.slug === slug);
  if (found === undefined) throw new Error(`no prize ${slug}`);
  return {
    awardId: slug.padEnd(32, "0").replaceAll(/[^0-9a-f]/g, "a"),
    prize: found,
    draw: `${RUN}/round-1`,
    window: 0,
    // Long enough ago that it is no news to be celebrated.
    wonAtMs: nowMs - 20 * MINUTE,
    state: "held",
    claimByMs: nowMs + 20 * 60 * MINUTE,
    reason: null,
    claim: null,
    ...part,
  };
}

/** One of each state a prize of one's own can be in. */
export function allAwards(nowMs: number): readonly AwardView[] {
  const order = {
    orderId: "0123456789abcdef0123456789abcdef",
    title: PRIZES[1]?.title ?? { zh: "", en: "" },
    amount: { amountMinor: 1, currency: "CNY" },
    placedAtMs: nowMs - MINUTE,
    payByMs: nowMs + 14 * MINUTE,
    refundDue: false,
    shipTo: "景德镇 · 珠山大道 1 号",
  };
  return [
    award("tea-set", nowMs),
    award("dumpling-hamper", nowMs, {
      state: "committing",
      claim: {
        type: "order",
        order: { ...order, awardId: "d", state: "placed", paidAtMs: null, payUrl: "/sandbox/pay/1" },
      },
    }),
    award("gala-coupon", nowMs, {
      draw: null,
      window: null,
      state: "posted",
      claim: { type: "coupon", code: "NY26-7K4M-2QXP", validUntilMs: nowMs + 30 * 24 * 60 * MINUTE },
    }),
    award("lucky-cash", nowMs, {
      state: "posted",
      claim: { type: "credit", amount: { amountMinor: 888, currency: "CNY" }, creditedAtMs: nowMs - MINUTE },
    }),
    award("car-year", nowMs, {
      state: "posted",
      claim: { type: "right", reference: "R-20481", contact: "138****2201", registeredAtMs: nowMs - MINUTE },
    }),
    award("down-jacket", nowMs, { state: "expired", claimByMs: nowMs - MINUTE }),
  ];
}
