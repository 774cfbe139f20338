import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate, readMigrations } from "../platform/mod.ts";
import { createTestDatabase } from "../platform/testing.ts";
import { createStaffStore, LINK_TTL_MS } from "./mod.ts";

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
    expect(await here.revoke(name)).toBe(true);
    expect(await here.revoke(name)).toBe(false);
    expect(await here.roleOf(name)).toBeNull();
    aheadMs = 3_000;
    expect(await there.roleOf(name)).toBeNull();
    expect((await here.list()).find(({ staff }) => staff === name)?.revokedAtMs).not.toBeNull();
    expect(await here.roleOf("nobody")).toBeNull();
  });
});
