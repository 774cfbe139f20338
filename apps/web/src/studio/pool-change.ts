import { newRequestId } from "@wanhui/client";
import type { StudioPoolView } from "@wanhui/protocol";
import { useState } from "react";
import { useDesk } from "./context.tsx";
import { wholeNumber } from "./field.tsx";
import { dropPending, keepPending, type PoolChange, pendingChange } from "./pending-change.ts";
import { useSending } from "./sending.ts";
import { mayHaveHappened } from "./trouble.tsx";

export type PoolAction = "restock" | "withdraw";

/** As many units as one change may name, as the server has it. */
const CHANGE_UNITS_MAX = 1_000_000_000;

/**
 * The form of a change. A change that went unanswered comes back as it was sent, locked: only asking the same again,
 * with the same id, is safe.
 */
export function useChange(pool: StudioPoolView, action: PoolAction) {
  const { feed } = useDesk();
  const [pending, setPending] = useState(() => pendingChange(pool.pool));
  const [units, setUnits] = useState(() => (pending === null ? "" : String(Math.abs(pending.delta))));
  const [reason, setReason] = useState(pending?.reason ?? "");
  const { busy, problem, run } = useSending();
  const most = action === "restock" ? CHANGE_UNITS_MAX : Math.min(pool.free, CHANGE_UNITS_MAX);
  // An unanswered change may have taken the units it names already.
  const count = wholeNumber(units, 1, pending === null ? most : CHANGE_UNITS_MAX);
  const send = async (change: PoolChange): Promise<boolean> =>
    run(async () => {
      keepPending(pool.pool, change);
      const path = `/api/studio/pools/${encodeURIComponent(pool.pool)}/change`;
      const trouble = await feed.act(path, change);
      const unknown = trouble !== null && mayHaveHappened(trouble);
      if (!unknown) dropPending(pool.pool);
      setPending(unknown ? change : null);
      return trouble;
    });
  const discard = () => {
    dropPending(pool.pool);
    setPending(null);
  };
  const submit = async (): Promise<number | null> => {
    if (count === null || reason.trim() === "") return null;
    const delta = action === "restock" ? count : -count;
    const change = pending ?? { delta, reason: reason.trim(), commandId: newRequestId() };
    return (await send(change)) ? count : null;
  };
  return { pending, units, setUnits, reason, setReason, busy, problem, most, count, discard, submit };
}
