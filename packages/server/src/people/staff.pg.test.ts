import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { createStaffStore, LINK_TTL_MS, STAFF_TTL_MS, type StaffStore } from "./mod.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase();
  await migrate(database.pool, await readMigrations());
});
afterAll(() => database.drop());

describe("one-time links", () => {
  it("[PE5] of twenty that use a link at once exactly one signs in", async () => {
    const staff = createStaffStore({ pool: database.pool, nowMs: Date.now });
    const { token } = await staff.createLink({ role: "operator", invitedBy: null });
    const used = await Promise.all(Array.from({ length: 20 }, () => staff.useLink(token)));
    const members = used.filter((member) => member !== null);
    expect(members).toHaveLength(1);
    expect(members[0]?.role).toBe("operator");
    expect(await staff.useLink(token)).toBeNull();
  });

  it("[PE5] the token itself is nowhere in the table, and ends after a day", async () => {
    let aheadMs = 0;
    const staff = createStaffStore({ pool: database.pool, nowMs: () => Date.now() + aheadMs });
    const { token } = await staff.createLink({ role: "auditor", invitedBy: null });
    const { rows } = await database.pool.query<{ row: string }>(
      "select staff_links::text as row from staff_links",
    );
    for (const { row } of rows) expect(row).not.toContain(token);
    aheadMs = LINK_TTL_MS;
    expect(await staff.useLink(token)).toBeNull();
  });

  it("[PE6] an ended role is gone at once here, and within seconds in another process", async () => {
    let aheadMs = 0;
    const nowMs = () => Date.now() + aheadMs;
    const here = createStaffStore({ pool: database.pool, nowMs });
    const there = createStaffStore({ pool: database.pool, nowMs });
    const { token } = await here.createLink({ role: "host", invitedBy: null });
    const member = await here.useLink(token);
    const name = member?.staff ?? "";
    expect(await here.roleOf(name)).toBe("host");
    expect(await there.roleOf(name)).toBe("host");
    expect(await here.revoke(name)).toBe("ended");
    expect(await here.revoke(name)).toBe("unknown");
    expect(await here.roleOf(name)).toBeNull();
    aheadMs = 3_000;
    expect(await there.roleOf(name)).toBeNull();
    expect((await here.list()).find(({ staff }) => staff === name)?.revokedAtMs).not.toBeNull();
    expect(await here.roleOf("nobody")).toBeNull();
  });
});

describe("the end of a role", () => {
  beforeEach(async () => {
    await database.pool.query("delete from staff_links");
    await database.pool.query("delete from staff");
  });
  const comeIn = async (
    staff: StaffStore,
    role: "host" | "operator" | "auditor",
    invitedBy: string | null,
  ) => {
    const { token } = await staff.createLink({ role, invitedBy });
    return (await staff.useLink(token))?.staff ?? "";
  };

  it("[PE12] the last operator's never ends; others' do, and one's own", async () => {
    const staff = createStaffStore({ pool: database.pool, nowMs: Date.now });
    const olga = await comeIn(staff, "operator", null);
    const hugo = await comeIn(staff, "host", olga);
    expect(await staff.revoke(olga)).toBe("last_operator");
    expect(await staff.roleOf(olga)).toBe("operator");
    expect(await staff.revoke(hugo)).toBe("ended");
    expect(await staff.revoke("nobody")).toBe("unknown");
    const otto = await comeIn(staff, "operator", olga);
    expect(await staff.revoke(olga)).toBe("ended");
    expect(await staff.revoke(otto)).toBe("last_operator");
    expect(await staff.list()).toMatchObject([
      { staff: olga, role: "operator", invitedBy: null, revokedAtMs: expect.any(Number) },
      { staff: hugo, role: "host", invitedBy: olga, revokedAtMs: expect.any(Number) },
      { staff: otto, role: "operator", invitedBy: olga, revokedAtMs: null },
    ]);
  });

  it("[PE12] of operators who all end each other at once one is left", async () => {
    const staff = createStaffStore({ pool: database.pool, nowMs: Date.now });
    for (let turn = 0; turn < 10; turn += 1) {
      const names = await Promise.all([1, 2, 3, 4].map(() => comeIn(staff, "operator", null)));
      const before = (await staff.list()).filter(({ revokedAtMs }) => revokedAtMs === null);
      const ends = await Promise.all(before.map(({ staff: name }) => staff.revoke(name)));
      expect(ends.filter((end) => end === "last_operator")).toHaveLength(1);
      const left = (await staff.list()).filter(({ revokedAtMs }) => revokedAtMs === null);
      expect(left).toHaveLength(1);
      expect(names).toHaveLength(4);
    }
  });

  it("[PE12] who signed in too long ago cannot operate and does not count", async () => {
    let aheadMs = 0;
    const staff = createStaffStore({ pool: database.pool, nowMs: () => Date.now() + aheadMs });
    await comeIn(staff, "operator", null);
    aheadMs = STAFF_TTL_MS;
    const now = await comeIn(staff, "operator", null);
    await database.pool.query(
      "update staff set created_at = created_at + interval '3 days' where staff_id = $1",
      [now],
    );
    expect(await staff.revoke(now)).toBe("last_operator");
  });

  it("[PE12] unused links of whoever's role ends are void, used ones stay used", async () => {
    const staff = createStaffStore({ pool: database.pool, nowMs: Date.now });
    const olga = await comeIn(staff, "operator", null);
    const otto = await comeIn(staff, "operator", olga);
    const [own, others] = await Promise.all([
      staff.createLink({ role: "operator", invitedBy: otto }),
      staff.createLink({ role: "host", invitedBy: olga }),
    ]);
    expect(await staff.revoke(otto)).toBe("ended");
    expect(await staff.useLink(own.token)).toBeNull();
    expect(await staff.useLink(others.token)).toMatchObject({ role: "host" });
  });
});
