import type { PoolId } from "@wanhui/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NIGHT_MS, type Stage } from "./testing-stage.ts";
import { listedAward, openStudio, type TestStudio } from "./testing-studio.ts";

// What operators do to awards and pools, over the routes.

let studio: TestStudio;
let stage: Stage;
let ask: TestStudio["ask"];
beforeAll(async () => {
  studio = await openStudio();
  ({ stage, ask } = studio);
});
afterAll(() => studio.close());

test("[CU6] a forfeit is written down before it is tried, and its refusal too", async () => {
  const award = "ab".repeat(16);
  const url = `/api/studio/awards/${award}/forfeit`;
  expect((await ask("POST", url, "hugo", { reason: "cheat" })).body.code).toBe("auth.forbidden");
  expect(studio.asked).toEqual([]);
  expect((await ask("POST", url, "olga", { reason: "cheat" })).body).toMatchObject({
    code: "award.wrong_state",
  });
  expect(studio.asked).toEqual([{ awardId: award, reason: "cheat" }]);
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
    reason: "5 units, command 01010101: two crates more",
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
    { action: "withdraw", target: pool, who: "olga", reason: "1000000 units, command 03030303: all of it" },
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

test("[AW6] staff read everybody's awards by page and state, or one by its id; nobody else does", async () => {
  const list = "/api/studio/awards";
  const one = `${list}/${listedAward.awardId}`;
  for (const who of ["olga", "hugo", "ada"]) {
    expect((await ask("GET", list, who)).body).toEqual({
      awards: [listedAward],
      next: `1-${listedAward.awardId}`,
    });
    expect((await ask("GET", one, who)).body).toEqual(listedAward);
  }
  for (const url of [list, one]) {
    expect((await ask("GET", url)).body.code).toBe("auth.missing");
    expect((await ask("GET", url, null)).body.code).toBe("auth.missing");
  }
  const before = `1-${listedAward.awardId}`;
  await ask("GET", `${list}?state=held&before=${before}`, "ada");
  expect(studio.asked.at(-1)).toEqual({ state: "held", before });
  expect((await ask("GET", `${list}/${"00".repeat(16)}`, "olga")).body).toMatchObject({
    status: 404,
    code: "award.unknown",
  });
  const invalid = async (path: string) => (await ask("GET", `${list}${path}`, "olga")).body;
  expect(await invalid("?state=lost")).toMatchObject({ code: "body.invalid", field: "querystring.state" });
  expect(await invalid("?before=yesterday")).toMatchObject({ field: "querystring.before" });
  const { paths } = (await ask("GET", "/docs/json")).body;
  for (const path of ["/api/studio/awards", "/api/studio/awards/{award}"]) {
    expect(Object.keys(paths[path].get.responses)).toEqual(
      expect.arrayContaining(["200", "401", "403", "422"]),
    );
  }
  expect(await invalid("/short")).toMatchObject({ code: "body.invalid", field: "params.award" });
});

test("[CU13] the studio's view says where every unit of every pool is", async () => {
  const { body } = await ask("GET", "/api/studio", "ada");
  expect(body.pools.map(({ pool }: { pool: string }) => pool)).toEqual(["small-1/kettle", "small-1/voucher"]);
  expect(body.pools[0]).toEqual({
    pool: "small-1/kettle",
    units: 105,
    free: 102,
    held: 0,
    openAwards: 0,
    heldByDraw: 0,
    promised: 0,
    posted: 0,
    withdrawn: 3,
  });
});
