import type { StudioView, Text } from "@wanhui/protocol";
import { createContext, useContext, useEffect, useState } from "react";
import type { Format } from "../shared/format.ts";
import type { Feed } from "./feed.ts";
import type { Words } from "./words.ts";

export type Desk = {
  readonly words: Words;
  readonly format: Format;
  readonly text: (text: Text) => string;
  readonly feed: Feed;
  readonly view: StudioView;
  /** Whether this person may act, or only look. */
  readonly mayAct: boolean;
  /** Whether this person may act on awards, pools and staff, and invite. */
  readonly isOperator: boolean;
  /** Whether this person may see who is on the staff. */
  readonly maySeeStaff: boolean;
};

export const DeskContext = createContext<Desk | null>(null);

/** The desk a part of the studio stands on. */
export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (desk === null) throw new Error("A part of the studio was rendered outside of it.");
  return desk;
}

/** The server's clock, four times a second. */
export function useServerNow(): number {
  const { feed } = useDesk();
  const [localMs, setLocalMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setLocalMs(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  return localMs + feed.skewMs;
}
