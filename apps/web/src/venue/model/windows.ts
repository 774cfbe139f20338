// The windows of a round on the server's clock, and what became of one's own entry in each.

import { RESULT_AFTER_CLOSE_MS, type RoundView } from "@wanhui/protocol";

/** How many windows a round announces. */
export function windowCount(round: RoundView): number {
  return round.schedule.length;
}

/** When window `w` closes (DR3): the first is `firstWindowMs` long, each later one `windowMs`. */
export function closeOfMs(round: RoundView, window: number): number {
  return round.opensAtMs + round.firstWindowMs + window * round.windowMs;
}

/** When window `w` opens: window 0 with the round, each other when the one before closes. */
export function openOfMs(round: RoundView, window: number): number {
  return window === 0 ? round.opensAtMs : closeOfMs(round, window - 1);
}

/** The window that is open at a moment; null before the opening and after the last close. */
export function windowAt(round: RoundView, nowMs: number): number | null {
  if (nowMs < round.opensAtMs || nowMs >= round.closesAtMs) return null;
  if (nowMs < closeOfMs(round, 0)) return 0;
  const window = 1 + Math.floor((nowMs - closeOfMs(round, 0)) / round.windowMs);
  return window < windowCount(round) ? window : null;
}

/** The next window to hand anything out, by the clock: the open one or, before the opening, the first. */
export function nextWindow(round: RoundView, nowMs: number): number | null {
  return nowMs < round.opensAtMs ? 0 : windowAt(round, nowMs);
}

/** When a window's result is stated to be known, until its seal or result says it exactly. */
export function statedResultMs(round: RoundView, window: number): number {
  return closeOfMs(round, window) + RESULT_AFTER_CLOSE_MS;
}

/** What one window means to the person looking. */
export type WindowState = "ahead" | "open" | "none" | "received" | "late" | "won" | "lost";

/** What is known of one window of one draw. */
export type WindowFacts = {
  readonly entered: boolean;
  /** Drawn, and whatever was won in it is known here: told first on the same socket, or read since (WR3). */
  readonly settled: boolean;
  readonly won: boolean;
  /** Stated time of the result; null while neither seal nor result has been heard. */
  readonly resultAtMs: number | null;
};

/** The facts of a window nothing has been heard of. */
export const NO_FACTS: WindowFacts = { entered: false, settled: false, won: false, resultAtMs: null };

/** The stated time of a window's result. */
export function resultAtMs(round: RoundView, window: number, facts: WindowFacts): number {
  return facts.resultAtMs ?? statedResultMs(round, window);
}

/**
 * The state of one window. Nothing of a result shows before its stated time, even when it is known here already:
 * everybody learns it together.
 */
export function windowState(
  round: RoundView,
  window: number,
  facts: WindowFacts,
  nowMs: number,
): WindowState {
  // An entry carried over a gap waits in its window before that opens (DR12).
  if (nowMs < openOfMs(round, window)) return facts.entered ? "received" : "ahead";
  const open = nowMs < closeOfMs(round, window);
  if (!facts.entered) return open ? "open" : "none";
  if (open || nowMs < resultAtMs(round, window, facts)) return "received";
  if (facts.won) return "won";
  return facts.settled ? "lost" : "late";
}
