import {
  applyDrawArmed,
  applyDrawCancelled,
  applyDrawClosed,
  applyDrawPlanned,
  applyDrawStopped,
  applyEntered,
  applyWindowDrawn,
  applyWindowGap,
  applyWindowSealed,
} from "../draws/apply.ts";
import type { Event } from "../events.ts";
import { assert } from "../invariant.ts";
import {
  applyGrabOpened,
  applyGrabWaiting,
  applyGranted,
  applyPoolChanged,
  applyPoolCreated,
} from "../pools/apply.ts";
import { moveAward } from "../pools/awards.ts";
import { assertBalance } from "../pools/balance.ts";
import type { ShardState } from "../state/shard-state.ts";

/**
 * Adds one fact to a shard's state. Total and deterministic: replaying a shard's events gives its live state
 * (JR9). Asserts every invariant (PL1, GR4, GR5, AW1, DR5-DR7, DR10-DR18); one that does not hold throws
 * InvariantError, after which the state must not be used.
 */
export function apply(state: ShardState, event: Event): void {
  assert(event.atMs >= state.lastAtMs, "JR10: shard time went back", event.atMs);
  state.lastAtMs = event.atMs;
  switch (event.type) {
    case "entered":
      applyEntered(state, event);
      break;
    case "granted":
      applyGranted(state, event);
      break;
    case "grab.waiting":
      applyGrabWaiting(state, event);
      break;
    case "grab.opened":
      applyGrabOpened(state, event);
      break;
    case "pool.created":
      applyPoolCreated(state, event);
      break;
    case "pool.changed":
      applyPoolChanged(state, event);
      break;
    case "award.moved":
      assertBalance(moveAward(state, event));
      break;
    case "draw.planned":
      applyDrawPlanned(state, event);
      break;
    case "draw.armed":
      applyDrawArmed(state, event);
      break;
    case "draw.cancelled":
      applyDrawCancelled(state, event);
      break;
    case "window.sealed":
      applyWindowSealed(state, event);
      break;
    case "window.gap":
      applyWindowGap(state, event);
      break;
    case "draw.stopped":
      applyDrawStopped(state, event);
      break;
    case "window.drawn":
      applyWindowDrawn(state, event);
      break;
    case "draw.closed":
      applyDrawClosed(state, event);
      break;
  }
}
