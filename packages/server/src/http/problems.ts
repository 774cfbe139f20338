import { CODES, type Code, type Problem } from "@wanhui/protocol";
import { problemSchema } from "@wanhui/protocol/schemas";
import { z } from "zod";

/** What a problem may add to its code. `field` is the path of the input at fault, `rule` what it must keep. */
export type ProblemOptions = {
  readonly field?: string;
  readonly rule?: string;
  readonly detail?: string;
  /** Instead of the table's own waiting time. */
  readonly retryMs?: number;
  readonly cause?: unknown;
};

/** A refusal or fault on its way to an HTTP answer (RFC 9457); thrown by routes, written by the application. */
export class ProblemError extends Error {
  readonly code: Code;
  readonly body: Problem;

  constructor(code: Code, options: ProblemOptions = {}) {
    super(`${code}${options.field === undefined ? "" : ` (${options.field})`}`, { cause: options.cause });
    this.name = "ProblemError";
    this.code = code;
    this.body = problemBody(code, options);
  }
}

/** Makes the error a route throws to answer with one of the house's codes. */
export function problem(code: Code, options: ProblemOptions = {}): ProblemError {
  return new ProblemError(code, options);
}

/** Whether a word is one of the codes of the one table. */
export function isCode(code: unknown): code is Code {
  return typeof code === "string" && Object.hasOwn(CODES, code);
}

/** The body of a problem: only what is set, in the order people read it. */
export function problemBody(code: Code, options: ProblemOptions = {}): Problem {
  const entry: (typeof CODES)[Code] & { retryMs?: number } = CODES[code];
  const retryAfterMs = options.retryMs ?? entry.retryMs;
  return {
    type: `/docs/codes#${code}`,
    title: entry.means,
    status: entry.status,
    code,
    ...(options.field === undefined ? {} : { field: options.field }),
    ...(options.rule === undefined ? {} : { rule: options.rule }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(options.detail === undefined ? {} : { detail: options.detail }),
  };
}

/** The schema of a 204, for a route's `response`. */
export const noContent = z.undefined().describe("Done; there is nothing to say.");

/**
 * Response schemas of the problems a route names, for the OpenAPI page: `response: { 200: view, ...problemResponses("draw.unknown") }`.
 * Codes of one HTTP status share an entry.
 */
export function problemResponses(...codes: Code[]): Record<number, typeof problemSchema> {
  const byStatus = new Map<number, string[]>();
  for (const code of codes) {
    const { status, means } = CODES[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${means}`]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, lines]) => [status, problemSchema.describe(lines.join("\n\n"))]),
  );
}
