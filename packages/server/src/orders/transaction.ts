import type pg from "pg";

/** A connection inside a transaction. */
export type Tx = pg.PoolClient;

/**
 * Runs `work` in one READ COMMITTED transaction: committed when it returns, undone when it throws. A connection
 * that cannot even roll back is thrown away.
 */
export async function transaction<T>(pool: pg.Pool, work: (tx: Tx) => Promise<T>): Promise<T> {
  const tx = await pool.connect();
  let broken: Error | undefined;
  try {
    await tx.query("begin");
    const result = await work(tx);
    await tx.query("commit");
    return result;
  } catch (error) {
    await tx.query("rollback").catch((failure: unknown) => {
      broken = failure instanceof Error ? failure : new Error(String(failure));
    });
    throw error;
  } finally {
    tx.release(broken);
  }
}
