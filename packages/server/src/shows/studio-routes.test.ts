import type { AwardId, PoolId } from "@wanhui/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type App, createApp } from "../http/mod.ts";
import {
  createLimits,
  createPeople,
  type People,
  peopleRoutes,
  type StaffRole,
  secretFromHex,
} from "../people/mod.ts";
import { silentLog } from "../platform/mod.ts";
import { showRoutes } from "./show-routes.ts";
import { studioRoutes } from "./studio-routes.ts";
import { NIGHT_MS, Stage } from "./testing-stage.ts";

// The routes over the real application, the real sign-in, and a whole night under a virtual clock.

const stage = new Stage();
const forfeited: { awardId: AwardId; reason: string }[] = [];
const staff = new Map<string, StaffRole>([
  ["olga", "operator"],
  ["hugo", "host"],
  ["ada", "auditor"],
]);
let app: App;
let people: People;
let views = 0;

beforeAll(async () => {
  await stage.boot();
  const { nowMs } = stage.clock;
  const unused = () => Promise.reject(new Error("not in this test"));
  people = createPeople({
    secret: secretFromHex("7a".repeat(32), "test"),
    nowMs,
    staff: {
      roleOf: async (name) => staff.get(name) ?? null,
      createLink: unused,
      useLink: unused,
      revoke: unused,
      list: unused,
    },
    limits: createLimits({ nowMs }),
    platform: null,
    rehearsalRun: () => null,
    drawIds: () => [],
  });
  app = await createApp({ log: silentLog(), version: "test" });
  peopleRoutes(app, { people, secure: false });
  const view = () => {
    views += 1;
    return stage.board.view({ stream: "s", offset: 4, nowMs: nowMs(), viewers: 2 });
  };
  showRoutes(app, { view, nowMs });
  studioRoutes(app, {
    director: stage.director,
    board: stage.board,
    view,
    nowMs,
    numbers: () => ({ viewers: 2, orders: 1, paid: 1, journalAppendMs: 3, materialiserLagBatches: 0 }),
    forfeit: async (input) => {
      forfeited.push(input);
      return { ok: false, code: "award.wrong_state" };
    },
    extend: async ({ awardId, claimByMs }) => {
      const answer = await stage.submit({ type: "award.extend", awardId, claimByMs });
      if (!answer.ok) return { ok: false, code: answer.code };
      throw new Error("a view is another capability's: see test/studio-acts.pg.test.ts");
    },
    changePool: async (change) => {
      const answer = await stage.submit({ type: "pool.change", ...change });
      return answer.ok ? { ok: true } : answer;
    },
  });
  await app.ready();
});
afterAll(async () => {
  stage.kill();
  await app.close();
});

/** Asks as a staff member, as a guest (null), or as nobody. */
async function ask(method: "GET" | "POST", url: string, who?: string | null, body?: unknown) {
  const role = staff.get(who ?? "");
  const token =
    who === undefined
      ? null
      : role === undefined
        ? people.signUser(people.guest("ab".repeat(16), null))
        : people.signStaff(who ?? "", ["viewer", role]).token;
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const answer = await app.inject({
    method,
    url,
    headers,
    ...(body === undefined ? {} : { payload: body as object }),
  });
  return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
}

test("GET /api/show answers everybody with the whole show, made once a second however many ask", async () => {
  const before = views;
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask("GET", "/api/show")));
  expect(views - before).toBe(1);
  for (const { status, body, headers } of answers) {
    expect(status).toBe(200);
    expect(headers["cache-control"]).toBe("public, max-age=1");
    expect(body).toMatchObject({
      run: "small-1",
      stream: "s",
      offset: 4,
      rounds: [{ slug: "round-1" }, { slug: "round-2" }],
    });
  }
  await stage.passTo(1_000);
  expect((await ask("GET", "/api/show")).body.nowMs).toBe(stage.clock.ms);
  expect(views - before).toBe(2);
});

test("[CU6] hosts and operators act, auditors read, others do neither", async () => {
  const hold = "/api/studio/cues/round-2/hold";
  expect((await ask("GET", "/api/studio")).status).toBe(401);
  expect((await ask("GET", "/api/studio", null)).body.code).toBe("auth.missing");
  for (const who of ["olga", "hugo", "ada"]) expect((await ask("GET", "/api/studio", who)).status).toBe(200);
  expect((await ask("POST", hold, "ada", {})).body).toMatchObject({ status: 403, code: "auth.forbidden" });
  expect((await ask("POST", hold, null, {})).body.code).toBe("auth.missing");
  expect(stage.row("round-2").state).toBe("pending");
  const held = await ask("POST", hold, "hugo", { reason: "sound check" });
  expect(held.status).toBe(200);
  expect(held.body.cues[2]).toMatchObject({
    cue: "round-2",
    state: "held",
    reason: "sound check",
    actions: ["release", "skip", "rearm"],
  });
  expect(held.body.acts[0]).toMatchObject({
    who: "hugo",
    role: "host",
    action: "hold",
    target: "round-2",
    reason: "sound check",
  });
  expect(held.body.numbers).toMatchObject({ viewers: 2, orders: 1, entries: 0, tapsPerSecond: 0 });
  expect((await ask("POST", "/api/studio/cues/round-2/release", "olga", {})).body.acts[0]).toMatchObject({
    role: "operator",
  });
  const acts = await ask("GET", "/api/studio/acts?before=2", "ada");
  expect(acts.body.acts.map(({ act }: { act: number }) => act)).toEqual([1]);
});

test("[CU5] what cannot be done is refused with code, field and rule, and changes nothing", async () => {
  const post = async (url: string, body: unknown = {}) =>
    (await ask("POST", `/api/studio${url}`, "olga", body)).body;
  const before = [...stage.rows.values()];
  const acts = stage.acts.length;
  expect(await post("/cues/round-2/release")).toMatchObject({
    status: 409,
    code: "cue.wrong_state",
    rule: "CU5",
  });
  expect(await post("/cues/round-9/hold")).toMatchObject({ status: 404, code: "cue.unknown" });
  expect(await post("/cues/round-2/explode")).toMatchObject({ status: 422, code: "body.invalid" });
  expect(await post("/cues/round-2/hold", { why: "?" })).toMatchObject({ code: "body.invalid" });
  expect(await post("/cues/round-2/hold", { opensAtMs: 5 })).toMatchObject({
    code: "body.invalid",
    field: "opensAtMs",
  });
  expect(await post("/cues/round-2/rearm", { opensAtMs: stage.clock.ms + 1_000 })).toMatchObject({
    code: "body.invalid",
    field: "opensAtMs",
    rule: "CU5",
  });
  expect(await post("/draws/small-1%2Fround-2/stop", { reason: "no" })).toMatchObject({
    code: "cue.wrong_state",
  });
  expect(await post("/draws/small-1%2Fround-9/stop", { reason: "no" })).toMatchObject({
    code: "draw.unknown",
  });
  expect(await post("/draws/small-1%2Fround-2/stop")).toMatchObject({
    code: "body.invalid",
    field: "reason",
  });
  expect([...stage.rows.values()]).toEqual(before);
  expect(stage.acts).toHaveLength(acts);
});

test("[CU5] [DR13] a round is armed and stopped from the studio", async () => {
  const armed = await ask("POST", "/api/studio/cues/round-1/arm", "olga", {});
  expect(armed.status).toBe(200);
  await stage.passTo(2_000);
  expect(stage.row("round-1").state).toBe("armed");
  const stopped = await ask("POST", "/api/studio/draws/small-1%2Fround-1/stop", "olga", {
    reason: "a lamp fell",
  });
  expect(stopped.status).toBe(200);
  await stage.passTo(3_000);
  expect(stage.events("draw.stopped")).toMatchObject([{ record: { fromWindow: 0, reason: "a lamp fell" } }]);
});

test("[CU6] a forfeit is written down before it is tried, and its refusal too", async () => {
  const award = "ab".repeat(16);
  const url = `/api/studio/awards/${award}/forfeit`;
  expect((await ask("POST", url, "hugo", { reason: "cheat" })).body.code).toBe("auth.forbidden");
  expect(forfeited).toEqual([]);
  expect((await ask("POST", url, "olga", { reason: "cheat" })).body).toMatchObject({
    code: "award.wrong_state",
  });
  expect(forfeited).toEqual([{ awardId: award, reason: "cheat" }]);
  expect(stage.acts.slice(-2)).toMatchObject([
    { action: "forfeit", target: award, who: "olga", reason: "cheat" },
    { action: "forfeit refused", target: award, who: "olga", reason: "award.wrong_state" },
  ]);
});

test("[PL3] an operator restocks and withdraws, once per command id, and the pages see it", async () => {
  const pool = "small-1/kettle" as PoolId;
  const url = `/api/studio/pools/${encodeURIComponent(pool)}/change`;
  const post = async (body: unknown, who = "olga") => (await ask("POST", url, who, body)).body;
  const left = () => stage.board.counts(0).left[pool] ?? Number.NaN;
  const before = left();
  const add = { delta: 5, reason: "two crates more", commandId: "01".repeat(16) };
  expect((await post(add, "hugo")).code).toBe("auth.forbidden");
  expect(stage.events("pool.changed")).toEqual([]);
  const added = await post(add);
  expect(added.numbers.left[pool]).toBe(before + 5);
  expect(added.acts[0]).toMatchObject({
    who: "olga",
    action: "restock",
    target: pool,
    reason: "5 units: two crates more",
  });
  expect((await post(add)).numbers.left[pool]).toBe(before + 5);
  expect(stage.events("pool.changed")).toHaveLength(1);
  const withdrawn = await post({ delta: -3, reason: "broken", commandId: "02".repeat(16) });
  expect(withdrawn.numbers.left[pool]).toBe(before + 2);
  expect(withdrawn.show.prizes.find(({ pool: id }: { pool: string }) => id === pool).left).toBe(before + 2);
});

test("[PL1] [PL3] a change that cannot be is refused, naming the field, and written down", async () => {
  const pool = "small-1/kettle";
  const post = async (of: string, body: unknown) =>
    (await ask("POST", `/api/studio/pools/${encodeURIComponent(of)}/change`, "olga", body)).body;
  const body = { delta: -1_000_000, reason: "all of it", commandId: "03".repeat(16) };
  const before = stage.board.counts(0);
  expect(await post(pool, body)).toMatchObject({
    status: 409,
    code: "pool.insufficient",
    field: "delta",
    rule: "PL3",
  });
  expect(stage.acts.slice(-2)).toMatchObject([
    { action: "withdraw", target: pool, who: "olga", reason: "1000000 units: all of it" },
    { action: "withdraw refused", target: pool, who: "olga", reason: "pool.insufficient" },
  ]);
  expect(await post(pool, { ...body, delta: 7, commandId: "01".repeat(16) })).toMatchObject({
    code: "request.conflict",
    field: "delta",
  });
  const acts = stage.acts.length;
  expect(await post("other-1/kettle", body)).toMatchObject({ status: 404, code: "pool.unknown" });
  expect(await post(pool, { ...body, delta: 0 })).toMatchObject({ code: "body.invalid", field: "delta" });
  expect(await post(pool, { ...body, commandId: "x" })).toMatchObject({
    code: "body.invalid",
    field: "commandId",
  });
  expect(await post(pool, { delta: 1, commandId: body.commandId })).toMatchObject({
    code: "body.invalid",
    field: "reason",
  });
  expect(stage.acts).toHaveLength(acts);
  expect(stage.board.counts(0)).toEqual(before);
});

test("[AW5] an extension that cannot be is refused and written down; hosts may not", async () => {
  const award = "cd".repeat(16);
  const url = `/api/studio/awards/${award}/extend`;
  const body = { claimByMs: NIGHT_MS + 3_600_000, reason: "parcel service closed" };
  expect((await ask("POST", url, "hugo", body)).body.code).toBe("auth.forbidden");
  const acts = stage.acts.length;
  expect((await ask("POST", url, "olga", { ...body, claimByMs: 2 ** 48 })).body).toMatchObject({
    code: "body.invalid",
    field: "claimByMs",
  });
  expect(stage.acts).toHaveLength(acts);
  expect((await ask("POST", url, "olga", body)).body).toMatchObject({ status: 404, code: "award.unknown" });
  expect(stage.acts.slice(-2)).toMatchObject([
    { action: "extend", target: award, reason: "until 2027-01-15T09:00:00.000Z: parcel service closed" },
    { action: "extend refused", target: award, reason: "award.unknown" },
  ]);
});
