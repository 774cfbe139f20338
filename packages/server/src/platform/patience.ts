import { setTimeout as sleep } from "node:timers/promises";
import { Fault } from "./fault.ts";

/** A database started together with us (containers), or busy with somebody else's start, is waited for this long. */
export const reachPatienceMs = 30_000;
const againMs = 500;

/**
 * Does what the world may not be ready for yet: retryable faults are tried again until the patience ends, everything
 * else is thrown at once.
 *
 * @param patience.onWait called once, before the first wait
 */
export async function patiently<T>(
  work: () => Promise<T>,
  patience: { readonly patienceMs?: number; readonly onWait?: () => void } = {},
): Promise<T> {
  const until = performance.now() + (patience.patienceMs ?? reachPatienceMs);
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Fault && error.retryable) || performance.now() > until) throw error;
      if (attempt === 0) patience.onWait?.();
      await sleep(againMs);
    }
  }
}
