import type { Code } from "@wanhui/protocol";
import type { NO_ANSWER } from "../../shared/http.ts";

/** Refusals and faults a studio's question can meet; each has words of its own. */
export type TroubleCode = Extract<
  Code,
  | `cue.${string}`
  | "draw.arm_too_late"
  | "draw.pool_busy"
  | "draw.insufficient_units"
  | "draw.already_armed"
  | "draw.unknown"
  | "pool.unknown"
  | "pool.insufficient"
  | "pool.bad_parameters"
  | "request.conflict"
  | "award.unknown"
  | "award.wrong_state"
  | "award.bad_deadline"
  | `staff.${string}`
  | "body.invalid"
  | "auth.missing"
  | "auth.expired"
  | "auth.forbidden"
  | "rate.limited"
  | `engine.${string}`
  | "server.fault"
>;

/** Words for each, and for whatever else there may be. */
export type TroubleWords = Readonly<Record<TroubleCode | typeof NO_ANSWER | "other", string>>;

/** What a code means, in words. */
export function troubleOf(words: TroubleWords, code: string): string {
  return (words as Readonly<Record<string, string>>)[code] ?? words.other;
}
