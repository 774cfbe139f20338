import type { Bus, BusListener, BusStatus } from "@wanhui/server";
import type { SeededRandom } from "./random.ts";
import type { VirtualWorld } from "./virtual-world.ts";

/** What one message may meet. */
export type BusWeather = { readonly lossChance: number; readonly delayMsMax: number };

/** How a process hangs on the bus. */
type Plug = {
  readonly name: string;
  readonly listeners: Map<string, Set<BusListener>>;
  readonly onChange: Set<(status: BusStatus) => void>;
  /** Runs something of the process: later if it is paused, never if it is dead. */
  readonly run: (work: () => void) => void;
  /** Arrival of the last message of each sender: a later one never overtakes it. */
  readonly lastAtMs: Map<string, number>;
  isCut: boolean;
  dropped: number;
};

/** Larger messages do not travel, as with NATS. */
const BYTES_MAX = 1_024 * 1_024;

/** A bus between simulated processes that loses, delays and is cut; in order per sender, at most once (MP12). */
export class SimHub {
  readonly #world: VirtualWorld;
  readonly #random: SeededRandom;
  readonly #weather: () => BusWeather;
  readonly #count: (what: string) => void;
  readonly #plugs = new Set<Plug>();

  constructor(parts: {
    world: VirtualWorld;
    random: SeededRandom;
    weather: () => BusWeather;
    count: (what: string) => void;
  }) {
    this.#world = parts.world;
    this.#random = parts.random;
    this.#weather = parts.weather;
    this.#count = parts.count;
  }

  /** A process's end of it. @param run runs the process's own work, in its own time */
  plug(name: string, run: (work: () => void) => void): Bus & { cut(isCut: boolean): void } {
    const plug: Plug = {
      name,
      listeners: new Map(),
      onChange: new Set(),
      run,
      lastAtMs: new Map(),
      isCut: false,
      dropped: 0,
    };
    this.#plugs.add(plug);
    const status = () => ({ trouble: plug.isCut ? "cut" : null, dropped: plug.dropped });
    return {
      bytesMax: BYTES_MAX,
      publish: (subject, bytes) => {
        if (plug.isCut || bytes.length > BYTES_MAX) plug.dropped += 1;
        else for (const to of this.#plugs) this.#send(plug, to, { subject, bytes });
      },
      subscribe(subject, listener) {
        const all = plug.listeners.get(subject) ?? new Set();
        plug.listeners.set(subject, all.add(listener));
        return () => void all.delete(listener);
      },
      status,
      onChange(listener) {
        plug.onChange.add(listener);
        return () => void plug.onChange.delete(listener);
      },
      cut: (isCut) => {
        if (plug.isCut === isCut) return;
        plug.isCut = isCut;
        run(() => {
          for (const listener of plug.onChange) listener(status());
        });
      },
      close: async () => void this.#plugs.delete(plug),
    };
  }

  #send(from: Plug, to: Plug, message: { subject: string; bytes: Uint8Array }): void {
    if (!to.listeners.has(message.subject)) return;
    const { lossChance, delayMsMax } = this.#weather();
    if (from !== to && (to.isCut || this.#random.chance(lossChance))) {
      this.#count("message lost");
      return;
    }
    const atMs = Math.max(
      this.#world.nowMs + this.#random.below(delayMsMax + 1),
      to.lastAtMs.get(from.name) ?? 0,
    );
    to.lastAtMs.set(from.name, atMs);
    this.#world.after(atMs - this.#world.nowMs, () => {
      if (to.isCut) return;
      to.run(() => {
        for (const listener of [...(to.listeners.get(message.subject) ?? [])]) listener(message.bytes);
      });
    });
  }
}
