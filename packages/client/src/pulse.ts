import { CLOCK_PING_EVERY_MS } from "@wanhui/protocol";

/** Quick pings after a greeting, so that the clock stands before the next window. */
const FIRST_PINGS = 5;
const FIRST_PING_EVERY_MS = 300;
/** No answer by then: the socket is dead, whatever the system says. */
const ANSWER_TIMEOUT_MS = 10_000;
/** The same when there is reason to doubt it: the system says the network is gone, the page was asleep. */
const DOUBT_TIMEOUT_MS = 3_000;
/** A tap is acknowledged well within a second; after this without one the socket is asked, with time for a busy server. */
const ACK_PATIENCE_MS = 4_000;
const ACK_TIMEOUT_MS = 6_000;

/** Asks now and then whether the other side is there; says so when it is not. */
export class Pulse {
  readonly #ping: () => void;
  readonly #dead: () => void;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #deadTimer: ReturnType<typeof setTimeout> | undefined;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: { ping: () => void; dead: () => void }) {
    this.#ping = parts.ping;
    this.#dead = parts.dead;
  }

  /** A socket was begun: its greeting must come. */
  await(timeoutMs: number = ANSWER_TIMEOUT_MS): void {
    clearTimeout(this.#deadTimer);
    this.#deadTimer = setTimeout(this.#dead, timeoutMs);
  }

  /** There is reason to think that nobody is there any more: asks at once and waits less long. */
  doubt(timeoutMs: number = DOUBT_TIMEOUT_MS): void {
    this.#ping();
    this.await(timeoutMs);
  }

  /** Something was sent that is acknowledged as a rule; `acked` says that it was. */
  expectAck(): void {
    this.#ackTimer ??= setTimeout(() => {
      this.#ackTimer = undefined;
      this.doubt(ACK_TIMEOUT_MS);
    }, ACK_PATIENCE_MS);
  }

  acked(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
  }

  answered(): void {
    clearTimeout(this.#deadTimer);
  }

  begin(quick: number = FIRST_PINGS): void {
    clearTimeout(this.#pingTimer);
    this.#ping();
    this.await();
    const everyMs = quick > 1 ? FIRST_PING_EVERY_MS : CLOCK_PING_EVERY_MS;
    this.#pingTimer = setTimeout(() => this.begin(quick - 1), everyMs);
  }

  stop(): void {
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#deadTimer);
    this.acked();
  }
}
