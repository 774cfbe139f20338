import { afterAll, beforeAll, expect, test } from "vitest";
import type { Stage } from "./testing-stage.ts";
import { openStudio, type TestStudio } from "./testing-studio.ts";

let studio: TestStudio;
let stage: Stage;
let ask: TestStudio["ask"];
beforeAll(async () => {
  studio = await openStudio();
  ({ stage, ask } = studio);
});
afterAll(() => studio.close());

test("GET /api/show answers everybody with the whole show, made once a second however many ask", async () => {
  const before = studio.views();
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask("GET", "/api/show")));
  expect(studio.views() - before).toBe(1);
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
  expect(studio.views() - before).toBe(2);
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
