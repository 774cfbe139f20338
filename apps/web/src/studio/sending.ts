import type { Problem } from "@wanhui/protocol";
import { useRef, useState } from "react";

/** One question at a time: a second press while the first is on its way is not sent. */
export type Sending = {
  readonly busy: boolean;
  readonly problem: Problem | null;
  /** Sends, and keeps what went wrong until the next try. @returns whether it was done */
  readonly run: (send: () => Promise<Problem | null>) => Promise<boolean>;
};

/** For the form of a dialog. */
export function useSending(): Sending {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  // State is a render late; two presses in one turn must not both see "not busy".
  const underWay = useRef(false);
  const run = async (send: () => Promise<Problem | null>): Promise<boolean> => {
    if (underWay.current) return false;
    underWay.current = true;
    setBusy(true);
    const trouble = await send();
    underWay.current = false;
    setBusy(false);
    setProblem(trouble);
    return trouble === null;
  };
  return { busy, problem, run };
}
