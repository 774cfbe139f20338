import { deepEqual, equal, ok } from "node:assert/strict";
import type { Bus } from "./bus.ts";

/** Two processes' ends of one bus, and what happens between them. */
export type BusUnderTest = {
  readonly bus: Bus;
  readonly other: Bus;
  /** Resolves when everything published so far has arrived wherever it was going. */
  settled(): Promise<void>;
};

/** One rule every bus keeps. */
export type BusRule = { readonly name: string; run(buses: BusUnderTest): Promise<void> };

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Collects what comes by a subject, as texts. */
function hear(bus: Bus, subject: string): { readonly heard: string[]; end(): void } {
  const heard: string[] = [];
  const end = bus.subscribe(subject, (bytes) => void heard.push(new TextDecoder().decode(bytes)));
  return { heard, end };
}

/** The rules of MP12, for each form of the bus. */
export const busContract: readonly BusRule[] = [
  {
    name: "[MP12] every subscriber hears a message once, the sender too",
    async run({ bus, other, settled }) {
      const ends = [hear(bus, "a"), hear(other, "a"), hear(other, "a")];
      await settled();
      bus.publish("a", bytesOf("one"));
      await settled();
      deepEqual(
        ends.map(({ heard }) => heard),
        [["one"], ["one"], ["one"]],
      );
    },
  },
  {
    name: "[MP12] messages of one sender and subject arrive in order",
    async run({ bus, other, settled }) {
      const { heard } = hear(other, "order");
      await settled();
      const sent = Array.from({ length: 500 }, (_, n) => `${n}`);
      for (const text of sent) bus.publish("order", bytesOf(text));
      await settled();
      deepEqual(heard, sent);
    },
  },
  {
    name: "[MP12] a subject hears its own messages only, and nothing after it ended",
    async run({ bus, other, settled }) {
      const a = hear(other, "own.a");
      const b = hear(other, "own.b");
      await settled();
      bus.publish("own.a", bytesOf("first"));
      await settled();
      a.end();
      await settled();
      bus.publish("own.a", bytesOf("second"));
      bus.publish("own.b", bytesOf("third"));
      await settled();
      deepEqual(a.heard, ["first"]);
      deepEqual(b.heard, ["third"]);
    },
  },
  {
    name: "[MP12] bytes travel as they are, up to the largest; a larger message is dropped and counted",
    async run({ bus, other, settled }) {
      const lengths: number[] = [];
      const bad: number[] = [];
      other.subscribe("bytes", (bytes) => {
        lengths.push(bytes.length);
        if (bytes.some((byte, at) => byte !== at % 251)) bad.push(bytes.length);
      });
      await settled();
      for (const length of [0, 1, 70_000, bus.bytesMax]) {
        bus.publish(
          "bytes",
          Uint8Array.from({ length }, (_, at) => at % 251),
        );
      }
      bus.publish("bytes", new Uint8Array(bus.bytesMax + 1));
      await settled();
      deepEqual(lengths, [0, 1, 70_000, bus.bytesMax]);
      deepEqual(bad, []);
      equal(bus.status().dropped, 1);
      equal(bus.status().trouble, null);
    },
  },
  {
    name: "[MP12] publishing on a closed bus neither throws nor arrives",
    async run({ bus, other, settled }) {
      const { heard } = hear(other, "closed");
      await settled();
      await bus.close();
      bus.publish("closed", bytesOf("late"));
      await settled();
      deepEqual(heard, []);
      ok(bus.status().dropped >= 1);
    },
  },
];
