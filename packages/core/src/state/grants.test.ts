import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestOf, userOf } from "../../testing/world.ts";
import type { RequestId, UserId } from "../ids.ts";
import {
  addGrant,
  createGrants,
  findGrant,
  grantAt,
  grantsOfUser,
  hasMoved,
  markMoved,
  newestRowOf,
  olderRow,
} from "./grants.ts";

type Plain = { readonly user: UserId; readonly requestId: RequestId; readonly atMs: number };

describe("the rows of a pool's grants", () => {
  it("[GR3] [PL6] answer what a plain list answers, with few and with many grants per user", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 8, 9, null),
        fc.array(fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 40 })), { maxLength: 250 }),
        (cap, wishes) => {
          const grants = createGrants(cap);
          const list: Plain[] = [];
          for (const [who, request] of wishes) {
            const one = { user: userOf(who), requestId: requestOf(request), atMs: 2 ** 41 + list.length };
            const known = list.findIndex(
              (each) => each.user === one.user && each.requestId === one.requestId,
            );
            expect(findGrant(grants, one.user, one.requestId)).toBe(known);
            const own = list.filter(({ user }) => user === one.user);
            expect(grantsOfUser(grants, one.user, 1_000)).toBe(own.length);
            if (known >= 0 || (cap !== null && own.length >= cap)) continue;
            addGrant(grants, one);
            list.push(one);
          }
          expect(grants.count).toBe(list.length);
          for (const [row, one] of list.entries()) expect(grantAt(grants, row)).toEqual(one);
          for (let who = 0; who <= 12; who++) {
            const rows = [];
            for (let row = newestRowOf(grants, userOf(who)); row >= 0; row = olderRow(grants, row))
              rows.push(row);
            const own = [...list.keys()].filter((row) => list[row]?.user === userOf(who));
            expect(rows).toEqual(own.reverse());
          }
        },
      ),
    );
  });

  it("[GR4] stay right over many chunks and regrown indexes", () => {
    const grants = createGrants(1);
    const word = (n: number) => (n * 2_654_435_761).toString(16).padStart(16, "0").slice(-16).repeat(2);
    for (let n = 0; n < 5_000; n++) {
      const one = { user: word(n) as UserId, requestId: word(n + 7) as RequestId, atMs: n };
      addGrant(grants, one);
    }
    for (let n = 0; n < 5_000; n += 7) {
      expect(findGrant(grants, word(n) as UserId, word(n + 7) as RequestId)).toBe(n);
      expect(findGrant(grants, word(n) as UserId, word(n + 8) as RequestId)).toBe(-1);
    }
    expect(findGrant(grants, word(5_000) as UserId, word(7) as RequestId)).toBe(-1);
  });

  it("[PL6] [GR3] a regrown index still leads to a user's newest row, and through it to all of them", () => {
    for (const cap of [3, null]) {
      const grants = createGrants(cap);
      for (let n = 0; n < 300; n++) {
        addGrant(grants, { user: userOf(n % 100), requestId: requestOf(n), atMs: n });
      }
      for (let who = 0; who < 100; who++) {
        expect(grantsOfUser(grants, userOf(who), 1_000)).toBe(3);
        expect(newestRowOf(grants, userOf(who))).toBe(200 + who);
        expect(findGrant(grants, userOf(who), requestOf(who))).toBe(who);
      }
    }
  });

  it("[GR3] [BY1] refuse a request granted before and anything that is no id", () => {
    const grants = createGrants(null);
    const one = { user: userOf(1), requestId: requestOf(1), atMs: 1 };
    addGrant(grants, one);
    expect(() => addGrant(grants, one)).toThrow("GR3");
    for (const bad of ["", "00", "0".repeat(31), `${"0".repeat(31)}G`, "A".repeat(32), "\u0130".repeat(32)]) {
      expect(() => findGrant(grants, bad as UserId, requestOf(1))).toThrow("BY1");
      expect(() => findGrant(grants, userOf(1), bad as RequestId)).toThrow("BY1");
    }
    expect(findGrant(grants, userOf(1), requestOf(1))).toBe(0);
  });

  it("[AW4] the first untouched row is found whatever moved before it", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 19 }), { maxLength: 40 }), (moves) => {
        const grants = createGrants(1);
        for (let n = 0; n < 20; n++) addGrant(grants, { user: userOf(n), requestId: requestOf(n), atMs: n });
        const moved = new Set<number>();
        for (const row of moves) {
          markMoved(grants, row);
          moved.add(row);
          const first = [...Array(21).keys()].find((each) => !moved.has(each));
          expect(grants.nextHeld).toBe(first);
          expect(hasMoved(grants, row)).toBe(true);
        }
      }),
    );
  });
});
