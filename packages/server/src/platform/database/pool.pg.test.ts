import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase } from "../testing.ts";
import { createPool } from "./pool.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test("[FT6] a connection cut between two statements of a transaction fails the next one, not the process", async () => {
  const pool = createPool({ url: database.url, connectionsMax: 1 });
  const client = await pool.connect();
  await client.query("begin");
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const cut = new Promise<void>((resolve) => client.once("end", resolve));
  await database.pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
  await cut;
  await expect(client.query("select 1")).rejects.toThrow();
  client.release(true);
  expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await pool.end();
});
