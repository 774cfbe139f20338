import type { RoundView } from "./views.ts";

/** Window of a round that is open at a moment of the server's clock; null before the opening and after the close. */
export function openWindow(round: RoundView, serverMs: number): number | null {
  if (serverMs < round.opensAtMs || serverMs >= round.closesAtMs) return null;
  const sinceFirst = serverMs - round.opensAtMs - round.firstWindowMs;
  return sinceFirst < 0 ? 0 : 1 + Math.floor(sinceFirst / round.windowMs);
}
