/** A broken invariant: a bug, never a refusal. The shard that meets one stops and acknowledges nothing more (JR11). */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
  readonly code = "core.invariant";
  readonly retryable = false;
}

/**
 * Throws InvariantError when `condition` is false. The message names the rule; `subject` (an id) is only joined
 * on failure, so that an assertion on the hot path allocates nothing.
 */
export function assert(condition: boolean, message: string, subject?: string | number): asserts condition {
  if (!condition) throw new InvariantError(subject === undefined ? message : `${message} (${subject})`);
}

/** Reads an element that must exist; a hole is a bug. */
export function at<T>(items: ArrayLike<T>, index: number): T {
  const item = items[index];
  assert(item !== undefined, "index out of range", index);
  return item;
}
