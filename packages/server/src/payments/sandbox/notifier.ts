import type { Log, Service } from "../../platform/mod.ts";
import { send } from "../send.ts";
import { signedHeaders } from "../signature.ts";
import { retryAfterMs, type SandboxNotice, TRIES_MAX } from "./state.ts";
import type { SandboxStore } from "./store.ts";

/** The longest sleep: a notice queued meanwhile wakes it anyway. */
const IDLE_MS = 60_000;

/** Sends the sandbox's notices, each until the shop says 2xx, and goes on with the rest after a restart (PY7). */
export class Notifier implements Service {
  readonly name = "sandbox notices";
  readonly #store: SandboxStore;
  readonly #secret: Uint8Array;
  readonly #nowMs: () => number;
  readonly #ca: string | undefined;
  readonly #log: Log;
  readonly #ended = new AbortController();
  #wake: () => void = () => undefined;

  constructor(options: {
    store: SandboxStore;
    secret: Uint8Array;
    nowMs: () => number;
    ca?: string | undefined;
    log: Log;
  }) {
    this.#store = options.store;
    this.#secret = options.secret;
    this.#nowMs = options.nowMs;
    this.#ca = options.ca;
    this.#log = options.log;
  }

  /** Something was queued: look at once. */
  poke(): void {
    this.#wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#ended.signal]);
    while (!ended.aborted) {
      const nowMs = this.#nowMs();
      const due = [...this.#store.notices()].filter(([, notice]) => notice.nextAtMs <= nowMs);
      // In the queue's order, one after the other: that a later one overtakes is the testers' choice, not chance.
      for (const [place, notice] of due) {
        if (ended.aborted) return;
        await this.#deliver(place, notice, ended);
      }
      if (due.length === 0) await this.#sleep(ended);
    }
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#wake();
  }

  #sleep(ended: AbortSignal): Promise<void> {
    const next = Math.min(...[...this.#store.notices().values()].map((notice) => notice.nextAtMs));
    const delayMs = Math.max(0, Math.min(IDLE_MS, next - this.#nowMs()));
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        ended.removeEventListener("abort", done);
        this.#wake = () => undefined;
        resolve();
      };
      const timer = setTimeout(done, delayMs);
      ended.addEventListener("abort", done, { once: true });
      this.#wake = done;
      if (ended.aborted) done();
    });
  }

  async #deliver(place: string, notice: SandboxNotice, signal: AbortSignal): Promise<void> {
    if (await this.#taken(notice, signal)) return this.#store.sent(place);
    if (signal.aborted) return;
    const tries = notice.tries + 1;
    if (tries >= TRIES_MAX) {
      this.#log.warn({ part: "sandbox", payment: notice.paymentId }, "A notice was given up after a day");
      return this.#store.sent(place);
    }
    await this.#store.retryLater(place, { ...notice, tries, nextAtMs: this.#nowMs() + retryAfterMs(tries) });
  }

  async #taken(notice: SandboxNotice, signal: AbortSignal): Promise<boolean> {
    const payment = this.#store.payment(notice.paymentId);
    if (payment === null) return true;
    const { noticeId, paymentId, state, atMs } = notice;
    const { orderId, amount } = payment;
    const body = Buffer.from(JSON.stringify({ noticeId, paymentId, orderId, state, amount, atMs }));
    const signed = signedHeaders({ secret: this.#secret, id: noticeId, nowMs: this.#nowMs(), body });
    const headers = { "content-type": "application/json", ...signed };
    const url = payment.notifyUrl;
    return send({ url, method: "POST", headers, body, ca: this.#ca, signal }).then(
      (answer) => answer.status >= 200 && answer.status < 300,
      () => false,
    );
  }
}
