import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { roundsOf, SHOW_LIMITS, scheduledUnits } from "./definition.ts";
import { parseShow } from "./parse-show.ts";
import { baseShow, problemsOf } from "./testing.ts";

const example = readFileSync(
  fileURLToPath(new URL("../../../../examples/spring-gala/show.yaml", import.meta.url)),
  "utf8",
);

/**
 * Each case changes one text of a good file: the problem stands at that text (or at `at`), under the field, by the
 * rule, with words that help.
 */
const cases: [
  rule: string,
  name: string,
  from: string,
  to: string,
  want: { field: string; says: RegExp; at?: string },
][] = [
  ["[SH1]", "another version", "wanhui/show/1", "wanhui/show/2", { field: "version", says: /not one of/ }],
  [
    "[SH1]",
    "a key used twice",
    "theme: gala",
    "theme: gala\nshow: again",
    { field: "", says: /unique/, at: "show: again" },
  ],
  [
    "[SH1]",
    "a tag nobody knows",
    "units: 100",
    "units: !secret 100",
    { field: "", says: /tag/i, at: "!secret" },
  ],
  [
    "[SH2]",
    "an unknown field",
    "schedule: [20",
    "shedule: [20",
    {
      field: "rundown[1].shedule",
      says: /unknown field `shedule`, did you mean `schedule`\?/,
      at: "shedule",
    },
  ],
  [
    "[SH2]",
    "a missing field",
    "    units: 100\n",
    "",
    { field: "pools[0].units", says: /`units` is missing/, at: "pool: kettle" },
  ],
  [
    "[SH2]",
    "another type",
    "units: 100",
    "units: many",
    { field: "pools[0].units", says: /whole number/, at: "many" },
  ],
  [
    "[SH2]",
    "two kinds in one cue",
    "    say: hello",
    "    say: hello\n    rain: too",
    { field: "rundown[0]", says: /say and rain/, at: "at: +0s" },
  ],
  [
    "[SH3]",
    "a bad slug",
    "venue: main",
    "venue: Main Stage",
    { field: "venues[0].venue", says: /not a slug/, at: "Main Stage" },
  ],
  [
    "[SH3]",
    "a pool twice",
    "pool: voucher\n    kind",
    "pool: kettle\n    kind",
    { field: "pools[1].pool", says: /used twice/, at: "kettle\n    kind: coupon" },
  ],
  [
    "[SH3]",
    "a cue twice",
    "round: round-2",
    "round: round-1",
    { field: "rundown[2].round", says: /used twice/, at: "round-1\n    title: { zh: 二" },
  ],
  [
    "[SH3]",
    "a pool nobody has",
    "pool: kettle\n    schedule: [20",
    "pool: kettel\n    schedule: [20",
    {
      field: "rundown[1].pool",
      says: /no pool `kettel`, did you mean `kettle`/,
      at: "kettel",
    },
  ],
  [
    "[SH3]",
    "a venue nobody has",
    "segment: dance",
    "segment: dance\n    venue: mian",
    { field: "rundown[4].venue", says: /no venue `mian`, did you mean `main`/, at: "mian" },
  ],
  [
    "[SH4]",
    "one language only",
    "title: { zh: 夜, en: Night }",
    "title: { zh: 夜 }",
    { field: "title.en", says: /missing/, at: "{ zh: 夜 }" },
  ],
  ["[SH4]", "an empty text", "en: Night }", 'en: " " }', { field: "title.en", says: /empty/, at: '" "' }],
  [
    "[SH4]",
    "a title of a page",
    "en: Night }",
    `en: ${"x".repeat(121)} }`,
    { field: "title.en", says: /121 characters/, at: "xxx" },
  ],
  [
    "[SH5]",
    "a time that is none",
    "at: +60s",
    "at: 60",
    { field: "rundown[1].at", says: /text/, at: "60\n" },
  ],
  [
    "[SH5]",
    "a time of day",
    "at: +60s",
    "at: 20:00",
    { field: "rundown[1].at", says: /not a time/, at: "20:00" },
  ],
  [
    "[SH5]",
    "a zone nobody knows",
    "Asia/Shanghai",
    "Asia/Shanhai",
    { field: "zone", says: /did you mean `Asia\/Shanghai`/ },
  ],
  [
    "[SH5]",
    "an absolute cue without a start",
    "at: +60s",
    "at: 2027-02-05T20:01",
    { field: "rundown[1].at", says: /needs `starts`/, at: "2027" },
  ],
  [
    "[SH6]",
    "an end before the start",
    "ends: +30m",
    "ends: +0s",
    { field: "ends", says: /before it starts/, at: "+0s" },
  ],
  [
    "[SH6]",
    "a cue after the end",
    "ends: +30m",
    "ends: +12m",
    { field: "rundown[4].at", says: /ends at \+20m30s, the show at \+12m/, at: "+20m" },
  ],
  [
    "[SH6]",
    "a duration that is none",
    "lasts: 30s",
    "lasts: half",
    { field: "rundown[4].lasts", says: /not a duration/, at: "half" },
  ],
  [
    "[SH7]",
    "no main venue",
    "\n    main: true",
    "",
    { field: "venues", says: /main: true/, at: "- venue: main" },
  ],
  [
    "[SH7]",
    "two main venues",
    "pools:\n",
    "  - venue: other\n    title: { zh: 乙, en: B }\n    main: true\npools:\n",
    { field: "venues[1].main", says: /only one/, at: "true\npools" },
  ],
  [
    "[SH8]",
    "a prize for nothing",
    "priceMinor: 1\n",
    "priceMinor: 0\n",
    { field: "pools[0].priceMinor", says: /out of range: 1 to 9900/, at: "0\n  - pool: voucher" },
  ],
  [
    "[SH8]",
    "a price above the worth",
    "priceMinor: 1\n",
    "priceMinor: 9901\n",
    { field: "pools[0].priceMinor", says: /1 to 9900/, at: "9901" },
  ],
  [
    "[SH8]",
    "a coupon with a price",
    "valueMinor: 500",
    "valueMinor: 500\n    priceMinor: 1",
    { field: "pools[1].priceMinor", says: /no `priceMinor`/, at: "1\n    claim" },
  ],
  [
    "[SH8]",
    "a coupon of no value",
    "    valueMinor: 500\n",
    "",
    { field: "pools[1].valueMinor", says: /missing/, at: "pool: voucher" },
  ],
  [
    "[SH8]",
    "a currency nobody has",
    "currency: CNY",
    "currency: yuan",
    { field: "currency", says: /ISO 4217/, at: "yuan" },
  ],
  [
    "[SH8]",
    "no units",
    "units: 100",
    "units: 0",
    { field: "pools[0].units", says: /1 to 1000000000/, at: "0\n" },
  ],
  [
    "[SH9]",
    "goods nobody needs to claim",
    "priceMinor: 1\n",
    "priceMinor: 1\n    claim: { within: none }\n",
    { field: "pools[0].claim.within", says: /needs an address/, at: "none }" },
  ],
  [
    "[SH9]",
    "a claim of years",
    "claim: { within: none",
    "claim: { within: 700d",
    { field: "pools[1].claim.within", says: /1m to 365d|1m to 366d/, at: "700d" },
  ],
  [
    "[SH9]",
    "a coupon to pay for",
    "validFor: 30d",
    "payWithin: 5m",
    { field: "pools[1].claim.payWithin", says: /for goods only/, at: "5m" },
  ],
  [
    "[SH10]",
    "a picture outside",
    "detail: { zh: 壶, en: Pot }",
    "detail: { zh: 壶, en: Pot }\n    picture: pictures/../../secret.svg",
    { field: "pools[0].picture", says: /not a picture/, at: "pictures/" },
  ],
  [
    "[SH11]",
    "[M21] a round without a window",
    "schedule: [20, 20, 20]",
    "schedule: []",
    { field: "rundown[1].schedule", says: /at least one window/, at: "[]" },
  ],
  [
    "[SH11]",
    "[M21] a spread over no window",
    "schedule: { windows: 4, units: 40 }",
    "schedule: { windows: 0, units: 40 }",
    { field: "rundown[2].schedule.windows", says: /1 to 1000/, at: "0, units" },
  ],
  [
    "[SH11]",
    "[M21] windows with nothing in them",
    "schedule: [20, 20, 20]",
    "schedule: [0, 0]",
    { field: "rundown[1].schedule", says: /at least one unit/, at: "[0, 0]" },
  ],
  [
    "[SH11]",
    "fewer than no units",
    "schedule: [20, 20, 20]",
    "schedule: [20, -1]",
    { field: "rundown[1].schedule[1]", says: /0 to/, at: "-1]" },
  ],
  [
    "[SH11]",
    "neither windows nor a length",
    "schedule: { windows: 4, units: 40 }",
    "schedule: { units: 40 }",
    { field: "rundown[2].schedule", says: /at least one window/, at: "{ units" },
  ],
  [
    "[SH11]",
    "half a window",
    "schedule: { windows: 4, units: 40 }",
    "schedule: { lasts: 10s, units: 40 }",
    { field: "rundown[2].schedule.lasts", says: /whole number of 3s/, at: "10s" },
  ],
  [
    "[SH11]",
    "a sum twice",
    "schedule: { windows: 4, units: 40 }",
    "schedule: { windows: 4, units: 40, unitsPerWindow: 10 }",
    { field: "rundown[2].schedule", says: /either/, at: "{ windows" },
  ],
  [
    "[SH12]",
    "[M21] more units than its pool",
    "schedule: [20, 20, 20]",
    "schedule: [60, 60]",
    {
      field: "rundown[1].schedule",
      says: /^round-1: schedule promises 120 units, pool kettle has 100$/,
      at: "[60, 60]",
    },
  ],
  [
    "[SH12]",
    "[M21] two rounds with more than their pool",
    "schedule: [20, 20, 20]",
    "schedule: [61]",
    {
      field: "rundown[2].schedule",
      says: /more than its 100 units: round-1 61, round-2 40/,
      at: "{ windows: 4",
    },
  ],
  [
    "[SH13]",
    "[DR5] rounds of one pool that overlap",
    "at: +5m\n",
    "at: +75s\n",
    { field: "rundown[2].at", says: /round-2 opens before round-1 is over/, at: "+75s" },
  ],
  [
    "[SH14]",
    "leftovers to nobody",
    "leftovers: round-2",
    "leftovers: round-3",
    { field: "rundown[1].leftovers", says: /no round `round-3`, did you mean/, at: "round-3" },
  ],
  [
    "[SH14]",
    "leftovers to an earlier round",
    "units: 40 }",
    "units: 40 }\n    leftovers: round-1",
    { field: "rundown[2].leftovers", says: /not later/, at: "round-1\n  - at: +10m" },
  ],
  [
    "[SH15]",
    "a round before anybody came",
    "at: +60s",
    "at: +29s",
    { field: "rundown[1].at", says: /less than 30s/, at: "+29s" },
  ],
  [
    "[SH16]",
    "a rain on a drawn pool",
    "rain: shower\n    title: { zh: 雨, en: Rain }\n    pool: voucher",
    "rain: shower\n    title: { zh: 雨, en: Rain }\n    pool: kettle",
    { field: "rundown[3].pool", says: /round-1 uses too/, at: "kettle\n    lasts" },
  ],
  [
    "[SH16]",
    "a rain of a blink",
    "lasts: 60s",
    "lasts: 1s",
    { field: "rundown[3].lasts", says: /5s to 1d/, at: "1s\n" },
  ],
  [
    "[SH17]",
    "a cap above the pool's",
    "schedule: [20, 20, 20]",
    "schedule: [20, 20, 20]\n    perUser: 2",
    { field: "rundown[1].perUser", says: /pool kettle allows 1/, at: "2\n    leftovers" },
  ],
  [
    "[SH17]",
    "a level nobody has",
    "schedule: [20, 20, 20]",
    "schedule: [20, 20, 20]\n    enter: everyone",
    { field: "rundown[1].enter", says: /guest, contact, identity/, at: "everyone" },
  ],
  [
    "[SH17]",
    "a role nobody has",
    "schedule: [20, 20, 20]",
    "schedule: [20, 20, 20]\n    excludedRoles: [hots]",
    { field: "rundown[1].excludedRoles[0]", says: /did you mean `host`/, at: "hots" },
  ],
  [
    "[SH18]",
    "half a key",
    "venues:\n",
    "witnesses: [{ name: Ann, publicKey: abcd }]\nvenues:\n",
    { field: "witnesses[0].publicKey", says: /64 lower-case hex/, at: "abcd" },
  ],
  [
    "[SH20]",
    "a late round",
    "schedule: [20, 20, 20]",
    "schedule: [20, 20, 20]\n    lateMax: 5s",
    { field: "rundown[1].lateMax", says: /only 0s is allowed/, at: "5s\n    leftovers" },
  ],
];

/** Rules whose problem may carry a more general rule's id. */
const ruleOf: Readonly<Record<string, string>> = {
  "[SH4] one language only": "SH2",
  "[SH5] a time that is none": "SH2",
  "[SH8] a coupon of no value": "SH2",
};

test.each(cases)("%s %s is named with line, field and rule", (rule, name, from, to, want) => {
  expect(baseShow.split(from).length, `${from} stands once in the good file`).toBe(2);
  const text = baseShow.replace(from, to);
  const problems = problemsOf(text);
  const found = problems.find(({ field, message }) => field === want.field && want.says.test(message));
  expect(found, JSON.stringify(problems, null, 1)).toBeDefined();
  expect(found?.rule).toBe(ruleOf[`${rule} ${name}`] ?? rule.slice(1, -1));
  const place = text.indexOf(want.at ?? to);
  const before = text.slice(0, place).split("\n");
  expect([found?.line, found?.column]).toEqual([before.length, (before.at(-1)?.length ?? 0) + 1]);
});

test("the good file of the table is good", () => {
  const parsed = parseShow(baseShow);
  expect(parsed).toMatchObject({ ok: true, notes: [] });
});

test("[SH1] a file that is no YAML, no mapping, empty or too large is one problem with a place", () => {
  for (const text of ["a: [1, 2", "- a\n- b", "", "just words", "a: 1\n---\nb: 2", "\t- x"]) {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatchObject({ line: expect.any(Number), column: expect.any(Number) });
  }
  const [problem] = problemsOf(`# ${"x".repeat(SHOW_LIMITS.fileBytesMax)}`);
  expect(problem).toMatchObject({ rule: "SH1", line: 1 });
});

test("[SH1] all problems are reported at once, in the order of the file", () => {
  const text = baseShow
    .replace("Asia/Shanghai", "Mars/Olympus")
    .replace("units: 100", "units: -1")
    .replace("schedule: [20, 20, 20]", "schedule: []")
    .replace("lasts: 60s", "lasts: 1s");
  const problems = problemsOf(text);
  expect(problems.map(({ rule }) => rule)).toEqual(["SH5", "SH8", "SH11", "SH16"]);
  expect(problems.map(({ line }) => line)).toEqual(
    [...problems.map(({ line }) => line)].sort((a, b) => a - b),
  );
});

test("[SH19] lists have limits, and what is beyond is not read", () => {
  const cues = Array.from(
    { length: SHOW_LIMITS.cuesMax + 1 },
    (_, n) => `  - { at: +${n}s, say: s${n}, title: { zh: 甲, en: A }, lasts: 1s }`,
  ).join("\n");
  const text = baseShow.replace(/rundown:[\s\S]*$/u, `rundown:\n${cues}\n`);
  expect(problemsOf(text)).toMatchObject([{ rule: "SH19", field: "rundown" }]);
});

test("[SH14] leftovers of another pool are refused", () => {
  const text = baseShow
    .replace("pool: kettle\n    schedule: { windows: 4, units: 40 }", "pool: voucher\n    schedule: [5]")
    .replace(/ {2}- at: \+10m[\s\S]*? {2}- at: \+20m/u, "  - at: +20m");
  expect(problemsOf(text)).toMatchObject([
    { rule: "SH14", message: expect.stringContaining("draws from pool voucher") },
  ]);
});

test("[SH12] units that nobody gives out are pointed out, and stop nothing", () => {
  const parsed = parseShow(baseShow.replace("units: 100", "units: 130"));
  expect(parsed).toMatchObject({
    ok: true,
    notes: [
      {
        rule: "SH12",
        field: "pools[0].units",
        message: "pool kettle has 130 units, its rounds give out 100",
      },
    ],
  });
});

test("[SH11] a sum is spread evenly, earlier windows take the rest", () => {
  const scheduleOf = (schedule: string) => {
    const parsed = parseShow(
      baseShow.replace("schedule: { windows: 4, units: 40 }", `schedule: ${schedule}`),
    );
    return parsed.ok ? roundsOf(parsed.show)[1]?.schedule : parsed.problems;
  };
  expect(scheduleOf("{ windows: 4, units: 38 }")).toEqual([10, 10, 9, 9]);
  expect(scheduleOf("{ lasts: 12s, units: 2 }")).toEqual([1, 1, 0, 0]);
  expect(scheduleOf("{ windows: 2, unitsPerWindow: 7 }")).toEqual([7, 7]);
});

test("[SH20] what may be late, and by how much", () => {
  const parsed = parseShow(baseShow);
  const late = parsed.ok ? parsed.show.cues.map(({ cue, lateMaxMs }) => [cue, lateMaxMs]) : [];
  expect(late).toEqual([
    ["hello", 10_000],
    ["round-1", 0],
    ["round-2", 0],
    ["shower", 10_000],
    ["dance", 30_000],
  ]);
});

test("the spring gala is a good file of seven rounds and one rain, about half an hour, and its pools sum up", () => {
  const parsed = parseShow(example);
  expect(parsed.ok ? parsed.notes : parsed.problems).toEqual([]);
  if (!parsed.ok) return;
  const { show } = parsed;
  const rounds = roundsOf(show);
  expect(rounds).toHaveLength(7);
  expect(rounds[0]?.offsetMs).toBe(60_000);
  expect(show.lengthMs).toBe(1_800_000);
  for (const round of rounds) {
    expect(round.schedule.length).toBeGreaterThanOrEqual(5);
    expect(round.schedule.length).toBeLessThanOrEqual(10);
  }
  expect(new Set(show.pools.map(({ kind }) => kind))).toEqual(new Set(["goods", "coupon", "cash", "right"]));
  for (const pool of show.pools) {
    const given = rounds
      .filter((round) => round.pool === pool.pool)
      .reduce((sum, round) => sum + scheduledUnits(round), 0);
    const rain = show.cues.some((cue) => cue.kind === "rain" && cue.pool === pool.pool);
    expect(rain ? pool.units : given).toBe(pool.units);
    if (pool.kind === "goods") expect(pool.price).toEqual({ amountMinor: 1, currency: "CNY" });
  }
});

test("[AB1] a round may ask for a bot check; left out, the definition is what it was before there was one", () => {
  const roundOf = (text: string) => {
    const parsed = parseShow(text);
    return parsed.ok ? roundsOf(parsed.show)[0] : parsed.problems;
  };
  const asks = (value: string) =>
    baseShow.replace("schedule: [20, 20, 20]", `schedule: [20, 20, 20]\n    ${value}`);
  expect(roundOf(asks("botCheck: true"))).toMatchObject({ botCheck: true });
  expect(roundOf(asks("botCheck: false"))).toEqual(roundOf(baseShow));
  expect(roundOf(baseShow)).not.toHaveProperty("botCheck");
  const [problem] = problemsOf(asks("botCheck: maybe"));
  expect(problem).toMatchObject({ field: "rundown[1].botCheck" });
  expect(problem?.message).toMatch(/true or false/);
});
