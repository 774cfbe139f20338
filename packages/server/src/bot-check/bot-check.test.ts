import type { UserId } from "@wanhui/core";
import { CHECK_COUNTERS, type CheckChallenge, type CheckSolution } from "@wanhui/protocol";
import { solveChallenge } from "altcha-lib";
import { deriveKey } from "altcha-lib/algorithms/pbkdf2";
import { describe, expect, it } from "vitest";
import { type Session, secretFromHex } from "../people/mod.ts";
import { type BotCheckOptions, createBotCheck } from "./mod.ts";

const DRAW = "gala-1/round-1";
const secret = secretFromHex("5c".repeat(32), "test");

function person(name: string, more: Partial<Session> = {}): Session {
  return {
    userId: `01${name.padEnd(30, "0")}` as UserId,
    device: name,
    level: "guest",
    roles: ["viewer"],
    synthetic: false,
    run: null,
    address: "192.0.2.1",
    expiresAtMs: null,
    staff: null,
    ...more,
  };
}

/** A check whose clock can be moved; opening in 30 s, closing in 60 s. */
function check(options: Partial<BotCheckOptions> = {}) {
  const startMs = Date.now();
  let aheadMs = 0;
  const times = { opensAtMs: startMs + 30_000, closesAtMs: startMs + 60_000 };
  const botCheck = createBotCheck({
    secret,
    nowMs: () => startMs + aheadMs,
    random: () => 0.5,
    timesOf: (what) => (what === DRAW ? times : null),
    ...options,
  });
  return {
    botCheck,
    pass: (ms: number) => {
      aheadMs += ms;
    },
  };
}

async function solved(challenge: CheckChallenge): Promise<CheckSolution> {
  const solution = await solveChallenge({ challenge, deriveKey });
  if (solution === null) throw new Error("no answer");
  return { counter: solution.counter, derivedKey: solution.derivedKey };
}

async function challengeFor(botCheck: ReturnType<typeof check>["botCheck"], who: Session) {
  const answer = await botCheck.challenge(who, DRAW);
  if (!answer.ok) throw new Error(answer.code);
  return answer.challenge;
}

async function passFor(botCheck: ReturnType<typeof check>["botCheck"], who: Session): Promise<string> {
  const challenge = await challengeFor(botCheck, who);
  const answer = await botCheck.exchange(who, { challenge, solution: await solved(challenge) });
  if (!answer.ok) throw new Error(answer.code);
  return answer.pass.pass;
}

describe("a challenge", () => {
  it("[AB2] is ALTCHA's, of cost 1,000, for one person and one draw, with an answer below 512", async () => {
    const { botCheck } = check();
    const ada = person("ada");
    const { parameters } = await challengeFor(botCheck, ada);
    expect(parameters).toMatchObject({
      algorithm: "PBKDF2/SHA-256",
      cost: 1_000,
      keyLength: 32,
      data: { user: ada.userId, for: DRAW },
    });
    expect(parameters.keyPrefix).toHaveLength(32);
    for (let n = 0; n < 3; n += 1) {
      const { counter } = await solved(await challengeFor(botCheck, ada));
      expect(counter).toBeLessThan(CHECK_COUNTERS);
    }
  });

  it("[AB9] people of a rehearsal do a sixty-fourth of the work", async () => {
    const { botCheck } = check();
    const synthetic = person("bo", { synthetic: true });
    for (let n = 0; n < 20; n += 1) {
      expect((await solved(await challengeFor(botCheck, synthetic))).counter).toBeLessThan(8);
    }
  });

  it("[AB2] is given from 90 s before the opening, and only for what asks for a check", async () => {
    const opensAtMs = Date.now() + 100_000;
    const early = check({ timesOf: () => ({ opensAtMs, closesAtMs: opensAtMs + 30_000 }) });
    const refused = await early.botCheck.challenge(person("ada"), DRAW);
    expect(refused).toMatchObject({ ok: false, code: "check.too_early" });
    if (!refused.ok) early.pass(refused.retryMs ?? 0);
    expect(await early.botCheck.challenge(person("ada"), DRAW)).toMatchObject({ ok: true });
    const { botCheck } = check();
    expect(await botCheck.challenge(person("ada"), "gala-1/round-2")).toMatchObject({
      code: "check.not_needed",
    });
  });

  it("[AB6] more than are made at once are told to come again, with a spread; later there is room", async () => {
    let random = 0;
    const { botCheck } = check({ makingMax: 4, random: () => random });
    const asked = Array.from({ length: 6 }, (_, n) => {
      random = n % 2;
      return botCheck.challenge(person("ada"), DRAW);
    });
    const answers = await Promise.all(asked);
    expect(answers.filter(({ ok }) => ok)).toHaveLength(4);
    expect(answers.flatMap((each) => (each.ok ? [] : [[each.code, each.retryMs]]))).toEqual([
      ["check.busy", 1_000],
      ["check.busy", 4_000],
    ]);
    expect((await botCheck.challenge(person("ada"), DRAW)).ok).toBe(true);
  });
});

describe("the exchange", () => {
  it("[AB3] a wrong counter, a wrong key, a changed challenge and another person's are refused", async () => {
    const { botCheck } = check();
    const ada = person("ada");
    const challenge = await challengeFor(botCheck, ada);
    const solution = await solved(challenge);
    const { parameters } = challenge;
    const theirs = { ...parameters, data: { ...parameters.data, user: person("eve").userId } };
    const wrong = [
      [ada, { challenge, solution: { ...solution, derivedKey: "00".repeat(32) } }],
      [ada, { challenge: { ...challenge, parameters: { ...parameters, cost: 1 } }, solution }],
      [ada, { challenge: { ...challenge, signature: "00".repeat(32) }, solution }],
      [person("eve"), { challenge, solution }],
      [person("eve"), { challenge: { ...challenge, parameters: theirs }, solution }],
    ] as const;
    for (const [who, answer] of wrong) {
      expect(await botCheck.exchange(who, answer)).toEqual({ ok: false, code: "check.invalid" });
    }
    expect((await botCheck.exchange(ada, { challenge, solution })).ok).toBe(true);
  });

  it("[AB3] a challenge is used once, also by two at the same time, and not after three minutes", async () => {
    const { botCheck, pass } = check({
      timesOf: () => ({ opensAtMs: Date.now(), closesAtMs: Date.now() + 3_600_000 }),
    });
    const ada = person("ada");
    const first = await challengeFor(botCheck, ada);
    const answer = { challenge: first, solution: await solved(first) };
    const both = await Promise.all([botCheck.exchange(ada, answer), botCheck.exchange(ada, answer)]);
    expect(both.map((each) => (each.ok ? "pass" : each.code)).sort()).toEqual(["check.used", "pass"]);
    const late = await challengeFor(botCheck, ada);
    const lateAnswer = { challenge: late, solution: await solved(late) };
    pass(181_000);
    expect(await botCheck.exchange(ada, lateAnswer)).toEqual({ ok: false, code: "check.invalid" });
  });

  it("[AB3] used ones are remembered in bounded room; a forgotten one gives its own person the same pass", async () => {
    const { botCheck } = check({ usedMax: 2 });
    const ada = person("ada");
    const first = await challengeFor(botCheck, ada);
    const answer = { challenge: first, solution: await solved(first) };
    const before = await botCheck.exchange(ada, answer);
    await passFor(botCheck, ada);
    expect(await botCheck.exchange(ada, answer)).toEqual({ ok: false, code: "check.used" });
    await passFor(botCheck, ada);
    await passFor(botCheck, ada);
    expect(await botCheck.exchange(ada, answer)).toEqual(before);
    expect(await botCheck.exchange(person("eve"), answer)).toEqual({ ok: false, code: "check.invalid" });
  });
});

describe("a pass", () => {
  it("[AB4] is its person's alone, for its draw alone, on each connection, until a minute after the close", async () => {
    const { botCheck, pass } = check();
    const ada = person("ada");
    const text = await passFor(botCheck, ada);
    const eve = person("eve");
    expect(botCheck.accept(eve, text)).toBe(false);
    expect(botCheck.holds(eve, DRAW)).toBe(false);
    expect(botCheck.holds(ada, DRAW)).toBe(false);
    expect(botCheck.accept(ada, text)).toBe(true);
    expect(botCheck.holds(ada, DRAW)).toBe(true);
    expect(botCheck.holds(ada, "gala-1/round-2")).toBe(false);
    const again = person("ada");
    expect(botCheck.holds(again, DRAW)).toBe(false);
    expect(botCheck.accept(again, text)).toBe(true);
    pass(119_000);
    expect(botCheck.holds(ada, DRAW)).toBe(true);
    pass(2_000);
    expect(botCheck.holds(ada, DRAW)).toBe(false);
    expect(botCheck.accept(person("ada"), text)).toBe(false);
  });

  it("[AB4] counts in another process with the same secret, and with no other", async () => {
    const ada = person("ada");
    const text = await passFor(check().botCheck, ada);
    expect(check().botCheck.accept(ada, text)).toBe(true);
    const other = check({ secret: secretFromHex("6d".repeat(32), "test") });
    expect(other.botCheck.accept(ada, text)).toBe(false);
    expect(check().botCheck.accept(ada, `${text.slice(0, -2)}AA`)).toBe(false);
    expect(check().botCheck.accept(ada, "e1.nonsense")).toBe(false);
  });

  it("[AB3] [AB4] a challenge of one process is exchanged by another", async () => {
    const ada = person("ada");
    const challenge = await challengeFor(check().botCheck, ada);
    expect((await check().botCheck.exchange(ada, { challenge, solution: await solved(challenge) })).ok).toBe(
      true,
    );
  });
});
