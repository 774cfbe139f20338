import { userKeyOf } from "@wanhui/client";
import { expect, test } from "vitest";
import type { Night } from "./night.fixture.ts";

/** The tests of a night that is over: what people heard against what is there (docs/spec/faults.md). */
export function nightContract(nightNow: () => Night): void {
  test("[FT1] every acknowledged entry is in its window, under the key that was acknowledged", async () => {
    const people = new Map(
      [...nightNow().viewers, nightNow().everywhere].map((viewer) => [viewer.user, viewer]),
    );
    const wrong: string[] = [];
    for (const [where, { user, draw, nonce, fixedKey }] of nightNow().heard.entries) {
      const pseudonym = people.get(user)?.pseudonyms.get(draw) ?? "";
      const key = fixedKey ?? (await userKeyOf(pseudonym, nonce));
      if (nightNow().tables.entries.get(where) !== key)
        wrong.push(`${where}: ${nightNow().tables.entries.get(where)}`);
    }
    expect(wrong).toEqual([]);
  });

  test("[FT1] [M5] every acknowledged grab is in the tables with the award that was named", () => {
    const wrong: string[] = [];
    for (const [key, { user, pool, awardId }] of nightNow().heard.grants) {
      const grab = nightNow().tables.grabs.get(key);
      const award = nightNow().tables.awards.get(awardId);
      if (grab?.awardId !== awardId || grab.pool !== pool) wrong.push(`${key}: not granted`);
      if (award?.user !== user || award.pool !== pool) wrong.push(`${key}: no such award`);
    }
    expect(wrong).toEqual([]);
  });

  test("[FT1] every win that was told is the teller's, in the draw and window that were told", () => {
    const wrong: string[] = [];
    for (const [awardId, told] of nightNow().heard.wins) {
      const { user, pool, draw, window } = told;
      const award = nightNow().tables.awards.get(awardId);
      if (JSON.stringify(award) !== JSON.stringify({ pool, user, draw, window })) wrong.push(awardId);
    }
    expect(wrong).toEqual([]);
  });

  test("[FT1] who was told that the pool is sold out or his cap is reached was told the truth, and got nothing for it", () => {
    const { refusals, wishes } = nightNow().heard;
    const { pools, grabs, awards } = nightNow().tables;
    const poolOf = new Map(pools.map((pool) => [pool.pool, pool]));
    const has = (user: string, pool: string) =>
      [...awards.values()].filter((award) => award.user === user && award.pool === pool).length;
    const wrong: string[] = [];
    for (const [key, code] of refusals) {
      const wish = wishes.get(key);
      const pool = poolOf.get(wish?.pool ?? "");
      if (wish === undefined || pool === undefined) {
        wrong.push(`${key}: ${code} for nothing that was asked`);
        continue;
      }
      const { units, given, cap } = pool;
      // No unit of these pools ever comes back.
      if (code === "pool.sold_out" && given < units) wrong.push(`${key}: sold out at ${given} of ${units}`);
      if (code === "grab.cap_reached" && has(wish.user, wish.pool) !== cap)
        wrong.push(`${key}: at the cap of ${cap} with ${has(wish.user, wish.pool)}`);
      if (/^(pool|grab)\./.test(code) && grabs.has(key)) wrong.push(`${key}: ${code}, and granted`);
    }
    expect(wrong).toEqual([]);
    expect([...refusals.values()]).toContain("pool.sold_out");
  });

  test("[FT2] the same question got the same answer before and after every kill", () => {
    expect(nightNow().heard.changed).toEqual([]);
  });

  test("[FT2] [M19] a wish whose answer was lost happened once or not at all", () => {
    const requests = [...nightNow().tables.grabs.keys()];
    expect(requests.filter((key) => !nightNow().heard.wishes.has(key))).toEqual([]);
    const awards = [...nightNow().tables.grabs.values()].map(({ awardId }) => awardId);
    expect(new Set(awards).size).toBe(awards.length);
  });

  test("[FT3] no pool, window or person got more than the rules say", () => {
    expect(nightNow().tables.pools.length).toBe(4);
    for (const { units, given, cap, mostByOne } of nightNow().tables.pools) {
      expect(given).toBeLessThanOrEqual(units);
      if (cap !== null) expect(mostByOne).toBeLessThanOrEqual(cap);
    }
    for (const { units, winners, awards } of nightNow().tables.windows) {
      expect(winners).toBe(awards);
      expect(awards).toBeLessThanOrEqual(units);
    }
    // The small pool was emptied, and not by one more (M1, M15).
    const scarce = nightNow().tables.pools.find(({ pool }) => pool.endsWith("/scarce"));
    expect(scarce?.given).toBe(scarce?.units);
  });

  test("[FT4] every round ran to its close, its chain without a hole, its proof consistent", () => {
    expect(nightNow().proofs.length).toBeGreaterThan(1);
    for (const { draw, failure } of nightNow().proofs)
      expect({ draw, failure }).toEqual({ draw, failure: null });
    expect(nightNow().tables.chains.size).toBe(2);
    for (const chain of nightNow().tables.chains.values()) {
      expect(chain.at(-1)?.kind).toBe("close");
      let next = 0;
      for (const { kind, from, to } of chain.slice(0, -1)) {
        expect(kind).toMatch(/^(seal|gap)$/);
        expect(from).toBe(next);
        next = to + 1;
      }
      expect(next).toBeGreaterThan(0);
    }
  });

  test("[FT5] the whole journal and the tables agree", () => {
    expect(nightNow().audit).toMatchObject({ ok: true });
  });

  test("[FT7] one person on twenty sockets has one entry per window, and so has everybody", () => {
    expect(nightNow().tables.entryRows.length).toBe(nightNow().tables.entries.size);
    const mine = [...nightNow().heard.entries.values()].filter(
      ({ user }) => user === nightNow().everywhere.user,
    );
    expect(mine.length).toBeGreaterThan(0);
    const rows = nightNow().tables.entryRows.filter((key) => key.endsWith(nightNow().everywhere.user));
    expect(rows.length).toBeGreaterThanOrEqual(mine.length);
    expect(rows.filter((key, at) => rows.indexOf(key) !== at)).toEqual([]);
  });
}
