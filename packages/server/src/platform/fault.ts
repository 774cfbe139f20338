/**
 * The world failed: a database gone, a provider timed out, a disk full. Thrown, never returned; an expected
 * "no" is a refusal, a value in a union. The message says what happened and what to do about it.
 */
export class Fault extends Error {
  /** Stable dotted name, e.g. `database.unsafe_setting`. */
  readonly code: string;
  /** Whether the same call can succeed later without anyone changing anything. */
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Fault";
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** The operating system's error code (`ENOENT`, `EACCES`, ...) or the SQLSTATE of an error, if it has one. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
