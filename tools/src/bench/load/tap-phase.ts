import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeTaps } from "@wanhui/protocol";
import { clientFrame, type RawSocket } from "./raw-socket.ts";

/** Taps of many phones at a steady rate. */
export type TapOrder = {
  readonly do: "tap";
  /** Indexes of the draws that are tapped in turn. */
  readonly draws: readonly number[];
  readonly tapsPerFrame: number;
  readonly framesPerSecond: number;
  readonly seconds: number;
};

export type TapAnswer = {
  readonly sent: number;
  readonly acked: number;
  readonly refused: number;
  /** One of the refusals, for whoever wonders. */
  readonly refusal: string;
};

/** Head of a masked frame of 26 bytes, then kind, version and draw index of the packed frame. */
const FRAME_NUMBER_AT = 6 + 4;
/** Phones that tap in one go, so that the wire is busy all the time and not in one burst per round. */
const GROUP = 25;
/** Until the last answers have come. */
const LAST_ANSWERS_MS = 1_500;

/** One socket that taps, with frames made beforehand. */
export class Phone {
  readonly #socket: RawSocket;
  readonly #frames = new Map<number, Buffer>();
  readonly #nonce = randomBytes(16);
  #frameNumber = 0;
  acked = 0;
  refused = 0;
  refusal = "";

  constructor(socket: RawSocket) {
    this.#socket = socket;
  }

  /** Begins a phase: counts acknowledgements and refusals, everything else is passed over. */
  listen(): void {
    this.#frames.clear();
    this.#socket.onPayload = (bytes, from, to) => {
      const word = bytes.toString("latin1", from + 6, from + 8);
      if (word === "ac") this.acked += 1;
      else if (word === "no" || word === "er") {
        this.refused += 1;
        this.refusal = bytes.toString("latin1", from, to);
      }
    };
  }

  get closed(): number | null {
    return this.#socket.closed;
  }

  tap(drawIndex: number, taps: number): void {
    let frame = this.#frames.get(drawIndex);
    if (frame === undefined) {
      frame = clientFrame(encodeTaps({ drawIndex, frameNumber: 1, taps, nonce: this.#nonce }));
      this.#frames.set(drawIndex, frame);
    }
    this.#frameNumber += 1;
    const copy = Buffer.from(frame);
    copy.writeUInt32BE(this.#frameNumber, FRAME_NUMBER_AT);
    this.#socket.send(copy);
  }
}

/** Plays one phase. */
export async function playTaps(phones: readonly Phone[], order: TapOrder): Promise<TapAnswer> {
  for (const phone of phones) phone.listen();
  const sum = (of: (phone: Phone) => number) => phones.reduce((total, phone) => total + of(phone), 0);
  const before = { acked: sum(({ acked }) => acked), refused: sum(({ refused }) => refused) };
  const gapMs = 1_000 / order.framesPerSecond;
  const groups = Math.ceil(phones.length / GROUP);
  const begun = performance.now();
  let sent = 0;
  for (let n = 0; n < order.framesPerSecond * order.seconds; n += 1) {
    for (let group = 0; group < groups; group += 1) {
      for (let index = group * GROUP; index < Math.min(phones.length, (group + 1) * GROUP); index += 1) {
        phones[index]?.tap(order.draws[(n + index) % order.draws.length] ?? 0, order.tapsPerFrame);
        sent += 1;
      }
      // Spread over the whole gap; late, it goes on without catching up: a burst would be refused.
      const dueMs = begun + (n + (group + 1) / groups) * gapMs;
      await sleep(Math.max(0, dueMs - performance.now()));
    }
  }
  await sleep(LAST_ANSWERS_MS);
  return {
    sent,
    acked: sum(({ acked }) => acked) - before.acked,
    refused: sum(({ refused }) => refused) - before.refused,
    refusal: phones.find(({ refusal }) => refusal !== "")?.refusal ?? closeOf(phones),
  };
}

function closeOf(phones: readonly Phone[]): string {
  const gone = phones.find(({ closed }) => closed !== null);
  return gone === undefined ? "" : `a socket was closed with ${gone.closed}`;
}
