import type { UserId } from "@wanhui/core";
import { ME_RESUME_MESSAGES_MAX, type MeMessage } from "@wanhui/protocol";

/** A message for one person, before it has its number. */
export type MePayload = MeMessage extends infer Each
  ? Each extends unknown
    ? Omit<Each, "n">
    : never
  : never;

/** People whose numbers are remembered: winners and buyers of a night, some 100 bytes each. The oldest go first. */
export const ME_USERS_MAX = 20_000;
/** A phone is back within seconds of a lost socket, or it was put away and reads its own things when it is back. */
export const ME_KEEP_MS = 120_000;

type Memory = { newest: number; readonly messages: Kept[] };
type Kept = { readonly n: number; readonly json: string; readonly atMs: number; readonly memory: Memory };

/**
 * The lane of one person: numbered messages, the last few of the last two minutes kept. A person forgotten for lack of
 * room goes on from the highest number ever forgotten, so that a gap is always seen as one.
 */
export class MeLane {
  readonly #memories = new Map<UserId, Memory>();
  /** Every kept message of everybody, the oldest first. */
  readonly #kept = new Set<Kept>();
  readonly #nowMs: () => number;
  readonly #usersMax: number;
  #forgottenNewest = 0;

  constructor(options: { readonly nowMs: () => number; readonly usersMax?: number | undefined }) {
    this.#nowMs = options.nowMs;
    this.#usersMax = options.usersMax ?? ME_USERS_MAX;
  }

  /** Numbers and keeps one message. @returns its JSON as it travels */
  append(user: UserId, payload: MePayload): string {
    const atMs = this.#nowMs();
    this.#forgetBefore(atMs - ME_KEEP_MS);
    const memory = this.#memories.get(user) ?? { newest: this.#forgottenNewest, messages: [] };
    memory.newest += 1;
    const json = JSON.stringify({ n: memory.newest, ...payload });
    const kept = { n: memory.newest, json, atMs, memory };
    memory.messages.push(kept);
    this.#kept.add(kept);
    if (memory.messages.length > ME_RESUME_MESSAGES_MAX) this.#dropOldest(memory);
    this.#memories.delete(user);
    this.#memories.set(user, memory);
    this.#forgetPeople();
    return json;
  }

  #forgetBefore(limitMs: number): void {
    for (const { atMs, memory } of this.#kept) {
      if (atMs >= limitMs) return;
      this.#dropOldest(memory);
    }
  }

  #dropOldest(memory: Memory): void {
    const oldest = memory.messages.shift();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  #forgetPeople(): void {
    while (this.#memories.size > this.#usersMax) {
      const [user, memory] = this.#memories.entries().next().value ?? [];
      if (user === undefined || memory === undefined) return;
      this.#forgottenNewest = Math.max(this.#forgottenNewest, memory.newest);
      this.#memories.delete(user);
      for (const kept of memory.messages) this.#kept.delete(kept);
    }
  }

  /** Newest number of a person; one nobody remembers may have had any up to the highest forgotten one. */
  newest(user: UserId): number {
    return this.#memories.get(user)?.newest ?? this.#forgottenNewest;
  }

  /** Kept messages with a higher number than `seen`, in order; without the first of them when those were forgotten. */
  since(user: UserId, seen: number): string[] {
    const kept = this.#memories.get(user)?.messages ?? [];
    return kept.filter(({ n }) => n > seen).map(({ json }) => json);
  }

  /** People remembered. */
  get users(): number {
    return this.#memories.size;
  }

  /** Messages kept, of everybody. */
  get messages(): number {
    return this.#kept.size;
  }
}
