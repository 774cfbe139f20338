import { afterAll, beforeAll, expect, test } from "vitest";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { createCueStore, type OpenRunOptions, openRun } from "./run-store.ts";
import { baseShow, goodShow } from "./testing.ts";
import { sha256 } from "./testing-stage.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase();
  const migrations = await readMigrations();
  await migrate(database.pool, migrations);
});
afterAll(() => database.drop());

let shows = 0;
/** A show of its own for each test. */
const newShow = (text = baseShow) => goodShow(text.replace("show: small", `show: small-${++shows}`));
const optionsOf = (changes: Partial<OpenRunOptions> = {}): OpenRunOptions => ({
  pool: database.pool,
  show: newShow(),
  rehearsal: false,
  fresh: false,
  nowMs: 1_800_000_000_000.5,
  sha256,
  ...changes,
});

test("[SH21] a restart goes on with the run, its start and its definition; fresh begins anew", async () => {
  const options = optionsOf();
  const first = await openRun(options);
  expect(first).toMatchObject({
    made: true,
    run: { run: `${options.show.show}-1`, startedAtMs: 1_800_000_000_000 },
  });
  const again = await openRun({ ...options, nowMs: options.nowMs + 60_000 });
  expect(again).toEqual({ made: false, run: first.run });
  const fresh = await openRun({ ...options, fresh: true, nowMs: options.nowMs + 60_000 });
  expect(fresh.run).toMatchObject({ run: `${options.show.show}-2`, startedAtMs: 1_800_000_060_000 });
  expect((await openRun(options)).run).toEqual(fresh.run);
});

test("[SH21] a rehearsal is a run of its own and never continues a real night", async () => {
  const options = optionsOf();
  const real = await openRun(options);
  const rehearsal = await openRun({ ...options, rehearsal: true });
  expect(rehearsal).toMatchObject({ made: true, run: { number: 2, rehearsal: true } });
  expect((await openRun({ ...options, rehearsal: true })).run).toEqual(rehearsal.run);
  expect((await openRun(options)).run).toEqual(real.run);
});

test("[SH21] a changed file is refused, naming the first difference; a comment changes nothing", async () => {
  const options = optionsOf();
  await openRun(options);
  const name = options.show.show;
  const text = baseShow.replace("show: small", `show: ${name}`);
  await expect(
    openRun({ ...options, show: goodShow(text.replace("units: 10\n", "units: 11\n")) }),
  ).rejects.toMatchObject({
    code: "show.changed",
    message: expect.stringContaining("pools[1].units is 11, was 10"),
  });
  const commented = goodShow(text.replace("theme: gala", "theme: gala # as every year"));
  expect(await openRun({ ...options, show: commented })).toMatchObject({ made: false });
});

test("[MP3] beside others their run is continued or nothing is; alone another show may be played", async () => {
  const theirs = (await openRun(optionsOf())).run;
  const options = optionsOf({ playing: theirs.run });
  await expect(openRun({ ...options, beside: true })).rejects.toMatchObject({
    code: "show.changed",
    message: expect.stringMatching(new RegExp(`the show ${theirs.show};.*the show ${options.show.show}\\.`)),
  });
  expect(await openRun({ ...options, show: theirs.definition, beside: true })).toEqual({
    made: false,
    run: theirs,
  });
  // They are gone: what they played binds nobody.
  expect(await openRun(options)).toMatchObject({ made: true, run: { number: 1 } });
});

test("[SH22] an absolute start is the run's start; a rehearsal moves the night to now", async () => {
  const show = newShow(baseShow.replace("currency: CNY", "currency: CNY\nstarts: 2027-02-05T20:00"));
  const startsAtMs = Date.parse("2027-02-05T12:00:00Z");
  expect((await openRun(optionsOf({ show }))).run.startedAtMs).toBe(startsAtMs);
  expect((await openRun(optionsOf({ show, rehearsal: true }))).run.startedAtMs).toBe(1_800_000_000_000);
});

test("[SH21] ten starts at once make one run", async () => {
  const options = optionsOf();
  const opened = await Promise.all(Array.from({ length: 10 }, () => openRun(options)));
  expect(opened.filter(({ made }) => made)).toHaveLength(1);
  expect(new Set(opened.map(({ run }) => run.run)).size).toBe(1);
});

const act = {
  atMs: 5,
  who: "anna",
  role: "operator",
  action: "hold",
  target: "round-1",
  reason: "why",
} as const;

test("[CU6] a change and its act are stored together or not at all", async () => {
  const { run } = await openRun(optionsOf());
  const store = createCueStore(database.pool, run.run);
  const rows = await store.cues();
  expect(rows).toHaveLength(5);
  const row = rows.find(({ cue }) => cue === "round-1");
  if (row === undefined) throw new Error("no round-1");
  expect(row).toMatchObject({ state: "pending", atMs: run.startedAtMs + 60_000, version: 0, plan: null });
  const held = await store.change(row, { state: "held", reason: "why" }, act);
  expect(held).toEqual({ ...row, state: "held", reason: "why", version: 1 });
  // Seen before the change: nothing is stored, the act neither.
  expect(await store.change(row, { state: "skipped" }, { ...act, action: "skip" })).toBeNull();
  expect(await store.acts(null)).toEqual([{ act: expect.any(Number), ...act }]);
  if (held === null) return;
  // An act the database refuses takes its change along.
  await expect(store.change(held, { state: "pending" }, { ...act, who: "" })).rejects.toThrow();
  expect((await store.cues()).find(({ cue }) => cue === "round-1")).toEqual(held);
  const plan = { kind: "rain", opensAtMs: 1, closesAtMs: 2 } as const;
  const planned = await store.change(held, { plan });
  expect(planned?.plan).toEqual(plan);
  expect((await store.cues()).find(({ cue }) => cue === "round-1")?.plan).toEqual(plan);
});

test("[CU6] [SH21] the database itself refuses to edit or delete acts and runs", async () => {
  const { run } = await openRun(optionsOf());
  const store = createCueStore(database.pool, run.run);
  const { act: number } = await store.record(act);
  for (const sql of [
    `update acts set who = 'bob' where act = ${number}`,
    `delete from acts where act = ${number}`,
    "truncate acts",
    `update runs set started_at_ms = 0 where run = '${run.run}'`,
    `delete from runs where run = '${run.run}'`,
  ]) {
    await expect(database.pool.query(sql)).rejects.toThrow(/CU6|SH21/);
  }
  expect(await store.acts(null)).toHaveLength(1);
});

test("[CU6] acts come newest first, a hundred at a time", async () => {
  const { run } = await openRun(optionsOf());
  const store = createCueStore(database.pool, run.run);
  for (let n = 0; n < 105; n++) await store.record({ ...act, reason: `${n}` });
  const newest = await store.acts(null);
  expect(newest.map(({ reason }) => reason).slice(0, 2)).toEqual(["104", "103"]);
  expect(newest).toHaveLength(100);
  const older = await store.acts(newest.at(-1)?.act ?? 0);
  expect(older.map(({ reason }) => reason)).toEqual(["4", "3", "2", "1", "0"]);
});
