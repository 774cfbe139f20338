import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";

// What the crowd was told, as it was told: the one truth the tables are compared with afterwards.

/** Lines of the log (CR6). Hex is lower case, `atMs` is the crowd's own clock. */
export type Told =
  /** An entry is durable; `userKey` as the server will have it. */
  | {
      readonly k: "ack";
      readonly atMs: number;
      readonly user: string;
      readonly draw: string;
      readonly window: number;
      readonly userKey: string;
    }
  | {
      readonly k: "got";
      readonly atMs: number;
      readonly user: string;
      readonly pool: string;
      readonly requestId: string;
      readonly awardId: string;
    }
  | {
      readonly k: "won";
      readonly atMs: number;
      readonly user: string;
      readonly awardId: string;
      readonly pool: string;
      readonly draw: string | null;
      readonly window: number | null;
    }
  | {
      readonly k: "claimed";
      readonly atMs: number;
      readonly user: string;
      readonly awardId: string;
      readonly kind: string;
      readonly orderId: string | null;
    }
  | {
      readonly k: "paid";
      readonly atMs: number;
      readonly user: string;
      readonly awardId: string;
      readonly orderId: string;
    };

/** The first time anybody heard a window's result. */
export type HeardResult = {
  readonly draw: string;
  readonly window: number;
  readonly heardAtMs: number;
  readonly resultAtMs: number;
};

/** Collects what was told; with a file, each line is in it before the night is over. */
export class Ledger {
  readonly acks = new Map<string, Extract<Told, { k: "ack" }>>();
  readonly grants = new Map<string, Extract<Told, { k: "got" }>>();
  readonly wins = new Map<string, Extract<Told, { k: "won" }>>();
  readonly claims = new Map<string, Extract<Told, { k: "claimed" }>>();
  readonly paid = new Map<string, Extract<Told, { k: "paid" }>>();
  readonly results = new Map<string, HeardResult>();
  /** People and draws a frame was sent for: entries of anybody else come from nowhere. */
  readonly asked = new Set<string>();
  /** The same question answered in two ways. */
  readonly contradictions: string[] = [];
  readonly #file: WriteStream | null;
  #failure: unknown = null;

  constructor(file: string | null) {
    this.#file = file === null ? null : createWriteStream(file, { flags: "w" });
    this.#file?.on("error", (error) => {
      this.#failure = error;
    });
  }

  add(told: Told): void {
    const [map, key] = this.#place(told);
    const known = map.get(key);
    if (known === undefined) {
      map.set(key, told as never);
      this.#file?.write(`${JSON.stringify(told)}\n`);
      return;
    }
    const same = JSON.stringify({ ...known, atMs: 0 }) === JSON.stringify({ ...told, atMs: 0 });
    if (!same) this.contradictions.push(`${JSON.stringify(known)} and then ${JSON.stringify(told)}`);
  }

  asks(user: string, draw: string): void {
    this.asked.add(`${draw} ${user}`);
  }

  heard(result: HeardResult): void {
    const key = `${result.draw} ${result.window}`;
    if (!this.results.has(key)) this.results.set(key, result);
  }

  /** @throws what the file's disk said */
  async close(): Promise<void> {
    if (this.#file !== null && this.#failure === null) {
      this.#file.end();
      await once(this.#file, "close");
    }
    if (this.#failure !== null) throw this.#failure;
  }

  #place(told: Told): [Map<string, unknown>, string] {
    switch (told.k) {
      case "ack":
        return [this.acks, `${told.draw} ${told.window} ${told.user}`];
      case "got":
        return [this.grants, `${told.pool} ${told.user} ${told.requestId}`];
      case "won":
        return [this.wins, told.awardId];
      case "claimed":
        return [this.claims, `${told.awardId} ${told.orderId ?? ""}`];
      case "paid":
        return [this.paid, told.orderId];
    }
  }
}
