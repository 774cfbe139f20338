import type { UserId } from "@wanhui/core";
import {
  CLOSE_CODES,
  CTL_RESUME_MESSAGES_MAX,
  type CtlMessage,
  ME_RESUME_MESSAGES_MAX,
  SLOW_SOCKET_CLOSE_BYTES,
  SLOW_SOCKET_DROP_BYTES,
} from "@wanhui/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Acks } from "./acks.ts";
import { ME_KEEP_MS, MeLane } from "./me-lane.ts";
import {
  createRoom,
  type Outlet,
  type Room,
  type RoomClock,
  type RoomOptions,
  textFrame,
  tickMsFor,
} from "./mod.ts";

/** Time that stands until it is set, and turns that happen when asked for. */
class HandClock implements RoomClock {
  #nowMs = 1_000_000;
  #soon: (() => void)[] = [];
  #timers: { atMs: number; run: () => void }[] = [];

  nowMs = () => this.#nowMs;
  soon = (run: () => void) => void this.#soon.push(run);
  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  turn(): void {
    for (const run of this.#soon.splice(0)) run();
  }
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    this.turn();
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      this.turn();
    }
    this.#nowMs = untilMs;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: assertions read fields of many shapes
type Heard = Record<string, any>;

/** An outlet that keeps buffers, and reads none of them while it is slow. */
class Ear implements Outlet {
  readonly frames: Buffer[] = [];
  closed: number | null = null;
  slow = false;
  buffered = 0;
  write(frame: Buffer): void {
    this.frames.push(frame);
    if (this.slow) this.buffered += frame.length;
  }
  bufferedBytes = () => this.buffered;
  close(code: number): void {
    this.closed = code;
  }
  get heard(): Heard[] {
    return this.frames.map((frame) => JSON.parse(frame.toString()) as Heard);
  }
  get ctl(): CtlMessage[] {
    return this.heard.flatMap(({ t, ctl }) => (t === "f" ? (ctl ?? []) : []));
  }
}

const user = (n: number) => n.toString(16).padStart(32, "0") as UserId;
const say = (n: number, text = ""): CtlMessage => ({
  t: "chain",
  draw: "run/round",
  record: { n, text },
  hash: "",
  signature: "",
});
const plain = (json: string) => Buffer.from(json);

function newRoom(options: Partial<RoomOptions> = {}): { room: Room; clock: HandClock } {
  const clock = new HandClock();
  const room = createRoom({ clock, frame: plain, stream: "stream", ...options });
  room.start();
  return { room, clock };
}
const fresh = { resume: null, me: null };

describe("the tick", () => {
  it("[WR2] one buffer, built once, goes to everybody; viewers are people", () => {
    const { room, clock } = newRoom();
    const ears = Array.from({ length: 50 }, () => new Ear());
    ears.forEach((ear, n) => void room.join(ear, { userId: user(n % 10), ...fresh }));
    clock.turn();
    expect(room.viewers).toBe(10);
    const built = room.stats().framesBuilt;
    room.publish([say(1), say(2)]);
    room.publish([say(3)]);
    clock.turn();
    expect(room.stats().framesBuilt).toBe(built + 1);
    expect(new Set(ears.map((ear) => ear.frames.at(-1))).size).toBe(1);
    expect(ears[0]?.ctl).toEqual([say(1), say(2), say(3)]);
  });

  it("[WR2] ctl leaves at once, a burst right after it joins the next flush", () => {
    const { room, clock } = newRoom();
    const ear = new Ear();
    room.join(ear, { userId: user(1), ...fresh });
    clock.turn();
    room.publish([say(1)]);
    clock.turn();
    expect(ear.ctl).toHaveLength(1);
    for (let n = 2; n <= 5; n += 1) {
      room.publish([say(n)]);
      clock.pass(1);
    }
    expect(ear.ctl).toHaveLength(1);
    clock.pass(40);
    expect(ear.ctl).toHaveLength(5);
    expect(ear.heard.filter(({ ctl }) => ctl !== undefined)).toHaveLength(2);
  });

  it("[WR2] a lane that is never quiet is flushed less and less often, and at once again after a pause", () => {
    const { room, clock } = newRoom();
    const ears = Array.from({ length: 600 }, () => new Ear());
    for (const [n, ear] of ears.entries()) room.join(ear, { userId: user(n), ...fresh });
    for (let turn = 0; turn < 5; turn += 1) clock.turn();
    const heardFrames = () => ears[0]?.heard.filter(({ ctl }) => ctl !== undefined).length ?? 0;
    for (let n = 1; n <= 300; n += 1) {
      room.publish([say(n)]);
      clock.pass(10);
    }
    clock.pass(300);
    expect(ears[0]?.ctl).toEqual(Array.from({ length: 300 }, (_, n) => say(n + 1)));
    // Three seconds: the tick of 300 ms flushes too, the lane itself once in a quarter of a second.
    expect(heardFrames()).toBeLessThan(30);
    const before = heardFrames();
    clock.pass(1_000);
    room.publish([say(301)]);
    clock.turn();
    expect(heardFrames()).toBe(before + 1);
  });

  it("[WR2] counts are latest-wins: once per tick, and only when they changed", () => {
    const { room, clock } = newRoom();
    const ear = new Ear();
    let taps = 0;
    room.setCounts(() => ({ taps, entries: 0, awards: 0, claims: 0, left: {}, open: {} }));
    room.join(ear, { userId: user(1), ...fresh });
    clock.pass(100);
    const before = ear.heard.length;
    for (let n = 0; n < 30; n += 1) {
      taps += 1;
      clock.pass(10);
    }
    const counts = ear.heard.slice(before).map(({ cnt }) => cnt.taps);
    expect(counts).toHaveLength(3);
    expect(counts.at(-1)).toBeGreaterThan(20);
    clock.pass(500);
    expect(ear.heard.slice(before)).toHaveLength(3);
  });

  it("[WR2] the tick grows with the crowd from 100 ms to a second", () => {
    expect([1, 200, 1_000, 2_000, 1_000_000].map(tickMsFor)).toEqual([100, 100, 500, 1_000, 1_000]);
  });
});

describe("own lane", () => {
  it("[WR3] a win leaves before the drawn of its window, live and resumed, in whatever order they were told", () => {
    const { room, clock } = newRoom();
    const live = new Ear();
    room.join(live, { userId: user(1), ...fresh });
    clock.turn();
    const drawn = say(1);
    room.publish([drawn]);
    room.sendMe(user(1), { t: "won", award: { awardId: "a" } as never });
    room.sendMe(user(2), { t: "won", award: { awardId: "b" } as never });
    clock.turn();
    expect(live.heard.slice(1).map(({ t }) => t)).toEqual(["me", "f"]);
    const later = new Ear();
    room.join(later, { userId: user(2), resume: { stream: "stream", offset: 0 }, me: null });
    clock.turn();
    expect(later.heard.map(({ t }) => t)).toEqual(["hello", "me", "f"]);
    expect(later.heard[1]?.m).toEqual([{ n: 1, t: "won", award: { awardId: "b" } }]);
    expect(live.heard.some(({ m }) => m?.some((each: Heard) => each.award.awardId === "b"))).toBe(false);
  });

  it("[WR2] an own message goes to every socket of that person, and a person stays while one is there", () => {
    const { room, clock } = newRoom();
    const ears = [new Ear(), new Ear(), new Ear()];
    const members = ears.map((ear) => room.join(ear, { userId: user(1), ...fresh }));
    clock.turn();
    members[2]?.leave();
    expect(room.viewers).toBe(1);
    room.sendMe(user(1), { t: "won", award: { awardId: "a" } as never });
    clock.pass(100);
    expect(ears.map((ear) => ear.heard.filter(({ t }) => t === "me").length)).toEqual([1, 1, 0]);
    for (const member of members) member.leave();
    expect(room.viewers).toBe(0);
  });

  it("[WR4] own messages missed come once, those seen do not, also when a flush is waiting", () => {
    const { room, clock } = newRoom();
    for (let n = 1; n <= 3; n += 1) room.sendMe(user(1), { t: "won", award: { awardId: `${n}` } as never });
    const first = new Ear();
    room.join(first, { userId: user(1), resume: { stream: "stream", offset: 0 }, me: 1 });
    clock.turn();
    room.sendMe(user(1), { t: "won", award: { awardId: "4" } as never });
    const second = new Ear();
    room.join(second, { userId: user(1), resume: { stream: "stream", offset: 0 }, me: 2 });
    clock.turn();
    clock.pass(100);
    const numbers = (ear: Ear) => ear.heard.flatMap(({ m }) => (m ?? []).map(({ n }: Heard) => n));
    expect(numbers(first)).toEqual([2, 3, 4]);
    expect(numbers(second)).toEqual([3, 4]);
  });

  it("[WR4] memory is bounded, and a forgotten person sees a gap, never a number twice", () => {
    const lane = new MeLane({ nowMs: () => 0, usersMax: 2 });
    const numberOf = (json: string) => (JSON.parse(json) as { n: number }).n;
    const send = (n: number) => numberOf(lane.append(user(n), { t: "won", award: {} as never }));
    for (let n = 0; n < ME_RESUME_MESSAGES_MAX + 3; n += 1) send(1);
    expect(lane.since(user(1), 0)).toHaveLength(ME_RESUME_MESSAGES_MAX);
    const seen = lane.newest(user(1));
    send(2);
    send(3);
    expect(lane.users).toBe(2);
    expect(lane.since(user(1), 0)).toEqual([]);
    expect(send(1)).toBeGreaterThan(seen);
    expect(send(4)).toBeGreaterThan(0);
    expect(lane.messages).toBe(2);
  });

  it("[WR4] a message is kept for two minutes and its number for good: who comes back later sees the gap", () => {
    let nowMs = 0;
    const lane = new MeLane({ nowMs: () => nowMs });
    const send = (n: number) => lane.append(user(n), { t: "won", award: {} as never });
    const kept = (n: number) => lane.since(user(n), 0).map((json) => (JSON.parse(json) as { n: number }).n);
    send(1);
    nowMs = 1;
    send(1);
    send(2);
    nowMs = ME_KEEP_MS;
    send(2);
    expect([kept(1), kept(2)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    nowMs = ME_KEEP_MS + 1;
    send(2);
    expect([kept(1), kept(2)]).toEqual([[2], [1, 2, 3]]);
    nowMs = 10 * ME_KEEP_MS;
    send(2);
    expect([kept(1), kept(2)]).toEqual([[], [4]]);
    expect([lane.newest(user(1)), lane.newest(user(2)), lane.messages]).toEqual([2, 4, 1]);
  });
});

describe("resume", () => {
  it("[WR4] any cut gives exactly the missed messages, once, in order, before anything newer", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("publish" as const), count: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ do: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 120 }) }),
      fc.record({ do: fc.constant("cut" as const), who: fc.integer({ min: 0, max: 2 }) }),
      fc.record({ do: fc.constant("come" as const), who: fc.integer({ min: 0, max: 2 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { room, clock } = newRoom();
        const all: CtlMessage[] = [];
        const phones = [0, 1, 2].map((n) => ({
          userId: user(n),
          heard: [] as CtlMessage[],
          ear: null as Ear | null,
          leave: () => {},
        }));
        const hang = (phone: (typeof phones)[number]) => {
          if (phone.ear === null) return;
          phone.heard.push(...phone.ear.ctl);
          phone.leave();
          phone.ear = null;
        };
        const come = (phone: (typeof phones)[number]) => {
          if (phone.ear !== null) return;
          phone.ear = new Ear();
          const resume = { stream: "stream", offset: phone.heard.length };
          const member = room.join(phone.ear, { userId: phone.userId, resume, me: null });
          phone.leave = () => member.leave();
        };
        for (const each of steps) {
          if (each.do === "publish") {
            const messages = Array.from({ length: each.count }, (_, n) => say(all.length + n));
            all.push(...messages);
            room.publish(messages);
          } else if (each.do === "pass") clock.pass(each.ms);
          else {
            const phone = phones[each.who];
            if (phone !== undefined) (each.do === "cut" ? hang : come)(phone);
          }
        }
        clock.pass(2_000);
        for (const phone of phones) {
          hang(phone);
          come(phone);
        }
        clock.pass(2_000);
        for (const phone of phones) {
          hang(phone);
          expect(phone.heard).toEqual(all);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("[WR4] what is gone, ahead, or of another stream is said to be, never guessed", () => {
    const { room, clock } = newRoom({ ctlMessagesMax: 300 });
    for (let n = 0; n < 1_000; n += 1) room.publish([say(n)]);
    clock.pass(1_000);
    const ask = (stream: string, offset: number) => {
      const ear = new Ear();
      room.join(ear, { userId: user(1), resume: { stream, offset }, me: null });
      clock.turn();
      return ear;
    };
    expect(ask("stream", 699).heard[0]).toMatchObject({ resumed: false, offset: 1_000 });
    expect(ask("stream", 700).ctl).toHaveLength(300);
    expect(ask("stream", 1_001).heard[0]).toMatchObject({ resumed: false });
    expect(ask("other", 990).heard[0]).toMatchObject({ resumed: false });
    expect(ask("stream", 1_000).heard[0]).toMatchObject({ resumed: true, offset: 1_000 });
    expect(JSON.parse(String(room.poll("other", 1)))).toMatchObject({
      resumed: false,
      offset: 1_000,
      ctl: [],
    });
    expect(CTL_RESUME_MESSAGES_MAX).toBe(4_096);
  });

  it("[WR4] a view made between publish and flush is not a place of the future", () => {
    const { room, clock } = newRoom();
    const offset = () => room.offset;
    room.publish([say(1)]);
    clock.turn();
    room.publish([say(2), say(3)]);
    const ear = new Ear();
    room.join(ear, { userId: user(1), resume: { stream: "stream", offset: offset() }, me: null });
    clock.pass(500);
    expect(ear.heard[0]).toMatchObject({ resumed: true });
    expect(ear.ctl).toEqual([]);
  });

  it("[R4] [WR4] a storm of joins is spread over turns, and nothing but memory is read", () => {
    const { room, clock } = newRoom();
    room.publish(Array.from({ length: 50 }, (_, n) => say(n)));
    clock.turn();
    const ears = Array.from({ length: 1_000 }, () => new Ear());
    ears.forEach((ear, n) => {
      room.join(ear, { userId: user(n), resume: { stream: "stream", offset: 10 }, me: null });
    });
    clock.turn();
    expect(room.stats().sockets).toBe(200);
    for (let turns = 0; turns < 5; turns += 1) clock.turn();
    expect(room.stats()).toMatchObject({ sockets: 1_000, resumed: 1_000 });
    for (const ear of ears) expect(ear.ctl).toHaveLength(40);
  });
});

describe("slow sockets", () => {
  it("[WR7] [R3] lose counts first, never ctl, and are closed before they hold too much", () => {
    const { room, clock } = newRoom();
    let taps = 0;
    room.setCounts(() => ({ taps, entries: 0, awards: 0, claims: 0, left: {}, open: {} }));
    const slow = new Ear();
    const quick = new Ear();
    room.join(slow, { userId: user(1), ...fresh });
    room.join(quick, { userId: user(2), ...fresh });
    clock.pass(100);
    slow.slow = true;
    slow.buffered = SLOW_SOCKET_DROP_BYTES + 1;
    const before = slow.frames.length;
    taps = 5;
    clock.pass(100);
    expect(slow.frames).toHaveLength(before);
    expect(quick.heard.at(-1)?.cnt.taps).toBe(5);
    expect(room.stats().countsDropped).toBe(1);
    room.publish([say(1)]);
    clock.turn();
    expect(slow.ctl).toEqual([say(1)]);
    // A tick that carries both: ctl arrives, counts do not.
    taps = 6;
    room.publish([say(2)]);
    room.stop();
    expect(slow.heard.at(-1)).toMatchObject({ ctl: [say(2)] });
    expect(slow.heard.at(-1)?.cnt).toBeUndefined();
    expect(quick.heard.at(-1)).toMatchObject({ ctl: [say(2)], cnt: { taps: 6 } });
    let n = 2;
    while (slow.closed === null && n < 100) {
      n += 1;
      room.publish([say(n, "x".repeat(50_000))]);
      clock.pass(20);
    }
    expect(slow.closed).toBe(CLOSE_CODES.resume);
    expect(slow.buffered).toBeLessThanOrEqual(SLOW_SOCKET_CLOSE_BYTES);
    expect(quick.ctl).toHaveLength(n);
    expect(slow.ctl).toEqual(quick.ctl.slice(0, slow.ctl.length));
    expect(room.viewers).toBe(1);
  });
});

describe("frames", () => {
  it("[WR6] acks of one batch and window are the same bytes, of another batch are not", () => {
    const clock = new HandClock();
    const acks = new Acks(clock);
    const ack = (seq: number, window = 0) =>
      acks.frame({ drawIndex: 1, window, where: { shard: 0, seq }, fixedKey: null });
    expect(ack(7)).toBe(ack(7));
    expect(ack(8)).not.toBe(ack(7));
    expect(ack(7, 1)).not.toBe(ack(7));
    expect(acks.built).toBe(3);
    const fixed = acks.frame({ drawIndex: 1, window: 0, where: { shard: 0, seq: 7 }, fixedKey: "aa" });
    expect(fixed.toString()).toContain('"fixedKey":"aa"');
    const kept = ack(7);
    clock.turn();
    expect(ack(7)).not.toBe(kept);
  });

  it("headers say the length in its three forms", () => {
    expect([...textFrame("ab")]).toEqual([0x81, 2, 0x61, 0x62]);
    expect([...textFrame("x".repeat(126)).subarray(0, 4)]).toEqual([0x81, 126, 0, 126]);
    expect([...textFrame("x".repeat(65_536)).subarray(0, 10)]).toEqual([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    expect(textFrame("晚会").length).toBe(2 + 6);
  });
});
