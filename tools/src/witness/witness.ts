import { appendFile, readFile } from "node:fs/promises";
import type { CtlMessage } from "@wanhui/protocol";
import { type ChainFacts, hashJson, isSigned, type Json, portableSha256, roundDueMs } from "@wanhui/verify";
import type { WitnessKey } from "./witness-key.ts";

type Seal = Extract<CtlMessage, { t: "seal" }>;
type Chain = Extract<CtlMessage, { t: "chain" }>;
type Fields = { readonly [field: string]: Json };

/** A signature is worth nothing to the server after the night; it is offered this often, then stays in the file. */
const postAttempts = 5;
const postRetryMs = 1_000;
const requestTimeoutMs = 5_000;

/** What a witness says of one message. */
export type Heard =
  /** Kept, signed and sent. */
  | {
      readonly kind: "signed";
      readonly draw: string;
      readonly window: number;
      readonly aheadMs: number;
      readonly sent: boolean;
    }
  /** Kept, but not signed, and why. */
  | { readonly kind: "kept"; readonly draw: string; readonly reason: string };

export type WitnessParts = {
  /** Where the server is: `https://gala.example`. */
  readonly baseUrl: string;
  readonly key: WitnessKey;
  /** The witness's own file; appended to, one line per record heard. */
  readonly path: string;
  /** The witness's own clock, Unix ms. */
  readonly nowMs: () => number;
  readonly fetch?: typeof fetch;
};

/** What a witness must know of a draw to judge its headers. */
type DrawFacts = {
  readonly showKey: string;
  readonly armHash: string;
  readonly chain: ChainFacts;
  /** Its own name in the rules; null when the draw does not declare this key. */
  readonly name: string | null;
};

/**
 * Hears the records of draws, keeps each with the time of its own clock, and signs seals that came before their seed
 * was due (WT1). It believes nothing the server says without working it out: hash, signature and due time of each header.
 */
export class Witness {
  readonly #parts: WitnessParts;
  readonly #draws = new Map<string, Promise<DrawFacts>>();
  /** Hash of the header kept for a window: a second one is never signed. */
  readonly #known: Map<string, string>;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: WitnessParts, known: Map<string, string>) {
    this.#parts = parts;
    this.#known = known;
  }

  /** Opens the witness's own file: what it kept before a restart still binds it. */
  static async open(parts: WitnessParts): Promise<Witness> {
    const text = await readFile(parts.path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const known = new Map<string, string>();
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const { record, hash, binds } = JSON.parse(line) as { record: Fields; hash: string; binds: boolean };
      if (binds) known.set(placeOf(record), hash);
    }
    return new Witness(parts, known);
  }

  /** Learns a draw's rules and chain ahead of its first seal, when there is time. */
  async prepare(draw: string): Promise<void> {
    await this.#factsOf(draw);
  }

  /** Takes a message of the room's `ctl` lane; one after the other. Null for those that are no record of a draw. */
  hear(message: CtlMessage): Promise<Heard | null> {
    const heardAtMs = Math.floor(this.#parts.nowMs());
    if (message.t !== "seal" && message.t !== "chain") return Promise.resolve(null);
    const turn = this.#turn.then(() => this.#take(message, heardAtMs));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #take(message: Seal | Chain, heardAtMs: number): Promise<Heard> {
    const record = (message.t === "seal" ? message.header : message.record) as Fields;
    const { draw, signature } = message;
    const hash = hashJson(record, portableSha256);
    // `binds`: the first header of its window that is what it says; no other will be signed, also after a restart.
    const kept = { record, hash, signature, heardAtMs, binds: false };
    const refuse = async (reason: string, binds = false): Promise<Heard> => {
      await this.#keep({ ...kept, binds, witness: null });
      return { kind: "kept", draw, reason };
    };
    if (message.t === "chain") return refuse(`a ${String(record.version)} record`);
    const facts = await this.#factsOf(draw);
    const place = placeOf(record);
    const before = this.#known.get(place);
    if (before === hash) return { kind: "kept", draw, reason: "heard before" };
    const fault = faultOf({ record, signature, draw, window: message.window, facts });
    if (fault !== null) return refuse(fault);
    if (before !== undefined)
      return refuse("ANOTHER header of a window that was heard before: keep this file");
    this.#known.set(place, hash);
    const aheadMs = roundDueMs(facts.chain, Number(record.round)) - heardAtMs;
    if (aheadMs <= 0) return refuse(`its seed was due ${-aheadMs} ms before`, true);
    if (facts.name === null) return refuse("the rules do not declare this witness", true);
    const signed = { version: "wanhui/witness/1", sealHash: hash, heardAtMs };
    const statement = {
      name: facts.name,
      publicKey: this.#parts.key.publicKey,
      sealHash: hash,
      heardAtMs,
      signature: this.#parts.key.sign(signed),
    };
    await this.#keep({ ...kept, binds: true, witness: statement });
    return { kind: "signed", draw, window: message.window, aheadMs, sent: await this.#send(draw, statement) };
  }

  async #keep(line: { readonly [field: string]: unknown }): Promise<void> {
    await appendFile(this.#parts.path, `${JSON.stringify(line)}\n`, { flush: true });
  }

  #factsOf(draw: string): Promise<DrawFacts> {
    const known = this.#draws.get(draw);
    if (known !== undefined) return known;
    const facts = this.#fetchFacts(draw);
    this.#draws.set(draw, facts);
    // A failed look is no knowledge: the next record of this draw looks again.
    facts.catch(() => this.#draws.delete(draw));
    return facts;
  }

  async #fetchFacts(draw: string): Promise<DrawFacts> {
    const response = await this.#ask(`/api/draws/${encodeURIComponent(draw)}/headers`, {});
    if (!response.ok) throw new Error(`the server answered ${response.status} about ${draw}`);
    const view = (await response.json()) as {
      rules: Fields;
      records: { kind: string; record: Fields; signature: string }[];
    };
    const arm = view.records.find(({ kind }) => kind === "arm");
    const showKey = String(view.rules.showKey);
    if (arm === undefined || !isSigned(arm.record, arm.signature, showKey)) {
      throw new Error(`the arm record of ${draw} is not signed by the show's key`);
    }
    if (arm.record.rulesHash !== hashJson(view.rules, portableSha256)) {
      throw new Error(`the arm record of ${draw} names other rules`);
    }
    const witnesses = view.rules.witnesses as unknown as { name: string; publicKey: string }[];
    const { publicKey } = this.#parts.key;
    return {
      showKey,
      armHash: hashJson(arm.record, portableSha256),
      chain: arm.record.beacon as unknown as ChainFacts,
      name: witnesses.find((one) => one.publicKey === publicKey)?.name ?? null,
    };
  }

  async #send(draw: string, statement: object): Promise<boolean> {
    const path = `/api/draws/${encodeURIComponent(draw)}/witness`;
    for (let attempt = 0; attempt < postAttempts; attempt++) {
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, postRetryMs));
      const headers = { "content-type": "application/json" };
      const request = { method: "POST", headers, body: JSON.stringify(statement) };
      const response = await this.#ask(path, request).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.ok === true) return true;
      if (response !== undefined && response.status < 500) return false;
    }
    return false;
  }

  #ask(path: string, request: RequestInit): Promise<Response> {
    const base = this.#parts.baseUrl.replace(/\/+$/, "");
    const ask = this.#parts.fetch ?? fetch;
    return ask(base + path, { ...request, signal: AbortSignal.timeout(requestTimeoutMs) });
  }
}

/** Why a header is not what it says; null when it is. */
function faultOf(seal: {
  readonly record: Fields;
  readonly signature: string;
  readonly draw: string;
  readonly window: number;
  readonly facts: DrawFacts;
}): string | null {
  const { record, signature, draw, window, facts } = seal;
  if (record.version !== "wanhui/seal/1" || record.draw !== draw || record.window !== window) {
    return "its header is not of the window it was sent for";
  }
  if (record.armHash !== facts.armHash) return "its header does not belong to the draw's arm record";
  if (!Number.isSafeInteger(record.round)) return "its header names no beacon round";
  return isSigned(record, signature, facts.showKey) ? null : "its header is not signed by the show's key";
}

function placeOf(record: Fields): string {
  return `${String(record.draw)} ${String(record.window)}`;
}
