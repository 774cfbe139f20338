import type { Bus, BusListener, BusStatus } from "./bus.ts";

/** As large as NATS lets through by default, so that both forms meet the same limit. */
const BYTES_MAX = 1_024 * 1_024;

/** Where buses of one process meet. */
export class MemoryHub {
  readonly #listeners = new Map<string, Set<BusListener>>();

  add(subject: string, listener: BusListener): () => void {
    const all = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, all.add(listener));
    return () => {
      all.delete(listener);
      if (all.size === 0 && this.#listeners.get(subject) === all) this.#listeners.delete(subject);
    };
  }

  send(subject: string, bytes: Uint8Array): void {
    // Who subscribes or ends while a message is handed out is not among its receivers.
    for (const listener of [...(this.#listeners.get(subject) ?? [])]) listener(bytes);
  }
}

class MemoryBus implements Bus {
  readonly bytesMax = BYTES_MAX;
  readonly #hub: MemoryHub;
  readonly #ends = new Set<() => void>();
  #closed = false;
  #dropped = 0;

  constructor(hub: MemoryHub) {
    this.#hub = hub;
  }

  publish(subject: string, bytes: Uint8Array): void {
    if (this.#closed || bytes.length > this.bytesMax) {
      this.#dropped += 1;
      return;
    }
    // As over a network: never inside the caller's turn.
    queueMicrotask(() => this.#hub.send(subject, bytes));
  }

  subscribe(subject: string, listener: BusListener): () => void {
    const remove = this.#hub.add(subject, (bytes) => {
      if (!this.#closed) listener(bytes);
    });
    this.#ends.add(remove);
    return () => {
      this.#ends.delete(remove);
      remove();
    };
  }

  status(): BusStatus {
    return { trouble: this.#closed ? "closed" : null, dropped: this.#dropped };
  }

  /** Nothing comes between listeners of one process. */
  onChange(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#ends) end();
    this.#ends.clear();
  }
}

/** A bus within one process; those on the same hub hear each other. */
export function createMemoryBus(hub: MemoryHub = new MemoryHub()): Bus {
  return new MemoryBus(hub);
}
