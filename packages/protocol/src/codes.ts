// The one table of refusals and faults: what HTTP says, and what the client does next. Docs and metrics are made from it.

/** What a client does with a refusal or fault. */
export type NextStep =
  /** Final: show it. */
  | "stop"
  /** The user can mend it. */
  | "ask"
  /** The same again after retryMs. */
  | "retry"
  /** Fetch the state anew, then go on. */
  | "refresh"
  /** Do the bot check of this draw or rain, show its pass, then the same again (AB5). */
  | "check";
/**
 * One row of the table: the HTTP status, what the client does next, after how many milliseconds where it asks
 * again, and one English sentence for people.
 */
export type CodeEntry = {
  readonly status: number;
  readonly next: NextStep;
  readonly retryMs?: number;
  readonly means: string;
};

const stop = (status: number, means: string): CodeEntry => ({ status, next: "stop", means });
const ask = (status: number, means: string): CodeEntry => ({ status, next: "ask", means });
const retry = (status: number, retryMs: number, means: string): CodeEntry => ({
  status,
  next: "retry",
  retryMs,
  means,
});
const refresh = (status: number, means: string): CodeEntry => ({ status, next: "refresh", means });
const check = (status: number, means: string): CodeEntry => ({ status, next: "check", means });

/** Every refusal and fault that crosses the wire, by its stable code `<area>.<what>`. */
export const CODES = {
  "pool.unknown": stop(404, "There is no such pool."),
  "pool.conflict": stop(409, "The pool exists with other parameters."),
  "pool.insufficient": stop(409, "The pool has fewer units than asked."),
  "pool.sold_out": stop(409, "Every unit is gone and none can come back."),
  "pool.bad_parameters": ask(422, "A pool parameter breaks its rule."),
  "grab.not_open": retry(409, 1_000, "The grab has not opened yet."),
  "grab.closed": stop(409, "The grab has closed."),
  "grab.wait": retry(409, 2_000, "All units are held; you are in line and keep your place."),
  "grab.line_full": stop(409, "The waiting line is full."),
  "grab.cap_reached": stop(409, "You have had as many as one person may."),
  "grab.bad_schedule": ask(422, "The grab's opening or close breaks its rule."),
  "request.conflict": stop(422, "This request id was used with other parameters."),
  "award.unknown": stop(404, "There is no such award of yours."),
  "award.wrong_state": refresh(409, "The award is no longer in the state this needs."),
  "award.committed_elsewhere": refresh(409, "Another order is paying for this award."),
  "award.bad_deadline": ask(422, "A deadline can only be extended."),
  "draw.unknown": stop(404, "There is no such draw."),
  "draw.conflict": stop(409, "The draw exists with other rules."),
  "draw.bad_rules": ask(422, "A rule of the draw is malformed."),
  "draw.no_window": ask(422, "A draw needs at least one window."),
  "draw.bad_schedule": ask(422, "The schedule must hold whole units, none negative, at least one in all."),
  "draw.insufficient_units": ask(409, "The schedule promises more units than the pool has."),
  "draw.arm_too_late": ask(409, "Arming must come at least 10 s before the opening."),
  "draw.already_armed": stop(409, "The draw is armed with another opening."),
  "draw.cancelled": stop(409, "The draw was given up before it was armed."),
  "draw.off_grid": ask(422, "The opening is not on the beacon's grid."),
  "draw.pool_busy": ask(409, "Another draw of this pool is not finished."),
  "draw.not_armed": stop(409, "The draw is not armed."),
  "draw.not_open": retry(409, 500, "The round has not opened yet."),
  "draw.closed": stop(409, "The round is over."),
  "draw.key_clash": stop(409, "This key belongs to somebody else; make a new nonce."),
  "draw.cap_reached": stop(409, "You have won as much as one person may from this pool."),
  "draw.not_eligible": stop(403, "This round is not open to you."),
  "draw.check_required": check(403, "This asks for a bot check first; its pass lets you in."),
  "draw.device_full": stop(403, "As many people as may have taken part from this device."),
  "check.too_early": retry(409, 5_000, "The bot check begins shortly before the opening."),
  "check.not_needed": stop(409, "This asks for no bot check now."),
  "check.invalid": check(422, "This is not the answer to a challenge of yours that is still good."),
  "check.used": check(409, "This challenge was used before."),
  "check.busy": retry(503, 2_000, "Too many checks begin at once; ask again."),
  "pass.invalid": check(403, "This pass is not yours or no longer good."),
  "draw.not_sealed": stop(409, "The window is not sealed."),
  "draw.out_of_order": stop(409, "An earlier window must be drawn first."),
  "draw.bad_beacon": stop(422, "The beacon value does not belong to this window."),
  "proof.unknown": stop(404, "There is no proof of this draw yet; it begins when the draw is armed."),
  "proof.busy": retry(503, 2_000, "Too many proofs are being sent; ask again."),
  "entry.unknown": retry(404, 2_000, "No entry of yours in this window is recorded yet."),
  "witness.undeclared": stop(403, "The draw's rules declare no such witness."),
  "witness.unknown_seal": stop(422, "This is not a seal of the draw."),
  "witness.bad_signature": stop(422, "The signature is not the witness's."),
  "engine.busy": retry(503, 250, "Too many wait; ask again."),
  "engine.unknown": retry(503, 500, "The outcome is not known yet; ask again with the same id."),
  "engine.stopped": retry(503, 2_000, "This server is stopping."),
  "engine.fenced": retry(503, 1_000, "Another server has taken over."),
  "engine.broken": retry(503, 10_000, "A part of the server has stopped; the organisers see it."),
  "auth.missing": ask(401, "Sign in first."),
  "auth.invalid": ask(401, "The token is not valid here."),
  "auth.expired": ask(401, "The token has expired."),
  "auth.forbidden": stop(403, "Your role may not do this."),
  "auth.link_used": stop(410, "This one-time link was used or has expired."),
  "auth.unavailable": retry(503, 3_000, "The host platform's keys cannot be fetched now."),
  "auth.level": ask(403, "This needs a higher level of sign-in."),
  "ticket.invalid": refresh(401, "The socket ticket is not valid; fetch another."),
  "origin.refused": stop(403, "This origin is not on the list."),
  "rate.limited": retry(429, 1_000, "Too many; slow down."),
  "frame.malformed": stop(400, "The frame could not be read."),
  "frame.out_of_order": stop(400, "Say hello first, once."),
  "body.invalid": ask(422, "A field of the body breaks its rule."),
  "body.too_large": stop(413, "The body is larger than allowed."),
  "route.unknown": stop(404, "There is nothing at this address."),
  "show.unknown": stop(404, "There is no such show."),
  "cue.unknown": stop(404, "There is no such cue."),
  "cue.wrong_state": refresh(409, "The cue is no longer in the state this needs."),
  "staff.unknown": refresh(404, "There is no such member of staff with a role to end."),
  "staff.last_operator": ask(409, "Nobody could operate any more: invite another operator first."),
  "claim.not_yours": stop(404, "There is no such award of yours."),
  "claim.wrong_kind": stop(422, "This award is claimed in another way."),
  "claim.expired": stop(410, "The time to claim is over."),
  "idempotency.missing": ask(400, "Send an Idempotency-Key."),
  "idempotency.conflict": stop(422, "This Idempotency-Key was used with other parameters."),
  "order.unknown": stop(404, "There is no such order of yours."),
  "payment.bad_signature": stop(401, "The notice is not signed by the provider."),
  "payment.bad_amount": stop(422, "Amount or currency differ from the order."),
  "payment.unavailable": retry(
    503,
    3_000,
    "The payment provider does not answer; nothing was charged twice.",
  ),
  "metrics.closed": stop(403, "Metrics are read from this machine, or with the operator's token."),
  "server.fault": retry(500, 2_000, "Something failed here; nothing acknowledged was lost."),
} as const satisfies Record<string, CodeEntry>;

/** A code of the table. */
export type Code = keyof typeof CODES;
