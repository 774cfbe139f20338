// Free text that people type and the journal keeps.

import { isWellFormed } from "../bytes/mod.ts";
import { assert } from "../invariant.ts";

/** Longest reason kept: a paragraph; the rest is cut. */
const REASON_LENGTH_MAX = 500;
/** Longest command or order id; ids of outbox rows, orders and operators' clicks are far shorter. */
const ID_LENGTH_MAX = 200;

const LONE_SURROGATES = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A reason as the journal can keep it: cut to its longest, lone surrogates replaced. */
export function keptReason(reason: string): string {
  return reason.slice(0, REASON_LENGTH_MAX).replaceAll(LONE_SURROGATES, "\ufffd");
}

/** True for an outside id that the journal can keep. */
export function isOutsideId(id: string): boolean {
  return id.length > 0 && id.length <= ID_LENGTH_MAX && isWellFormed(id);
}

/** An order's id comes from our own orders: one that cannot be kept is a bug. */
export function assertOrderId(orderId: string): void {
  assert(isOutsideId(orderId), "AW2: bad order id");
}
