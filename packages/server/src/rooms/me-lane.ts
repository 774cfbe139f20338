import type { UserId } from "@wanhui/core";
import { ME_RESUME_MESSAGES_MAX, type MeMessage } from "@wanhui/protocol";

/** A message for one person, before it has its number. */
export type MePayload = MeMessage extends infer Each
  ? Each extends unknown
    ? Omit<Each, "n">
    : never
  : never;

/** People whose last messages are remembered: winners and buyers of a night, some 2 KB each. The oldest go first. */
export const ME_USERS_MAX = 20_000;

type Memory = { newest: number; readonly messages: { readonly n: number; readonly json: string }[] };

/**
 * The lane of one person: numbered messages, the last few kept. A person forgotten for lack of room goes on from the
 * highest number ever forgotten, so that a gap is always seen as one.
 */
export class MeLane {
  readonly #memories = new Map<UserId, Memory>();
  readonly #usersMax: number;
  #forgottenNewest = 0;

  constructor(usersMax: number = ME_USERS_MAX) {
    this.#usersMax = usersMax;
  }

  /** Numbers and keeps one message. @returns its JSON as it travels */
  append(user: UserId, payload: MePayload): string {
    const memory = this.#memories.get(user) ?? { newest: this.#forgottenNewest, messages: [] };
    memory.newest += 1;
    const json = JSON.stringify({ n: memory.newest, ...payload });
    memory.messages.push({ n: memory.newest, json });
    if (memory.messages.length > ME_RESUME_MESSAGES_MAX) memory.messages.shift();
    this.#memories.delete(user);
    this.#memories.set(user, memory);
    this.#forget();
    return json;
  }

  #forget(): void {
    while (this.#memories.size > this.#usersMax) {
      const [user, memory] = this.#memories.entries().next().value ?? [];
      if (user === undefined || memory === undefined) return;
      this.#forgottenNewest = Math.max(this.#forgottenNewest, memory.newest);
      this.#memories.delete(user);
    }
  }

  /** Newest number of a person; one nobody remembers may have had any up to the highest forgotten one. */
  newest(user: UserId): number {
    return this.#memories.get(user)?.newest ?? this.#forgottenNewest;
  }

  /** Kept messages with a higher number than `seen`, in order. */
  since(user: UserId, seen: number): string[] {
    const kept = this.#memories.get(user)?.messages ?? [];
    return kept.filter(({ n }) => n > seen).map(({ json }) => json);
  }

  /** People remembered. */
  get users(): number {
    return this.#memories.size;
  }
}
