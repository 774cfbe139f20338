import { expect, test } from "vitest";
import { nodeSha256 } from "./node.ts";
import { randomPlan, seeded, tell, testBeacon } from "./testing.ts";
import { type VerifyOptions, verifyProof } from "./verify-proof.ts";

const beacon = testBeacon();
/** CI checks 100 campaigns; `npm run soak` sets this to 1,000. */
const campaigns = Number(process.env.WANHUI_PROOF_CAMPAIGNS ?? 100);

async function* chunks(file: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}

const check = (file: Uint8Array, options: VerifyOptions = {}) =>
  verifyProof(chunks(file), { sha256: nodeSha256, ...options });

test("[VF1][PF2][DR14] random campaigns told by a second implementation are accepted", async () => {
  for (let seed = 1; seed <= campaigns; seed++) {
    const told = tell(randomPlan(seed), beacon);
    const verdict = await check(told.file);
    expect({ seed, failure: verdict.failure }).toEqual({ seed, failure: null });
    expect(verdict.counts.winners).toBe(told.winners);
    expect(verdict.counts.entries).toBe(told.entries);
    expect(verdict.level).toBe("dev");
    expect(verdict.sealedBeforeSeed).toBe("not shown");
  }
}, 180_000);

/** Line of a byte, counted from 1; a line's `\n` belongs to it. */
function lineAt(file: Uint8Array, position: number): number {
  let line = 1;
  for (let at = 0; at < position; at++) if (file[at] === 0x0a) line++;
  return line;
}

async function flip(file: Buffer, position: number, bit: number): Promise<void> {
  const changed = Buffer.from(file);
  changed[position] = (file[position] ?? 0) ^ (1 << bit);
  const { accepted, failure } = await check(changed);
  const line = lineAt(file, position);
  expect({ position, bit, accepted, line: failure?.line }).toEqual({ position, bit, accepted: false, line });
}

test("[PF1][VF3] a flipped bit anywhere is rejected and its line is named", async () => {
  const random = seeded(7);
  for (let seed = 1; seed <= Math.min(campaigns, 100); seed++) {
    const { file } = tell(randomPlan(seed), beacon);
    for (let times = 0; times < 4; times++) await flip(file, random(file.length), random(8));
  }
}, 180_000);

test("[PF1] a flipped bit in the links, the foot and the first line is named too", async () => {
  const { file } = tell(randomPlan(4), beacon);
  const text = file.toString("latin1");
  const places = [0, file.length - 1, file.length - 2, text.lastIndexOf("\n", file.length - 2)];
  for (let at = text.indexOf('"previous":"'); at >= 0; at = text.indexOf('"previous":"', at + 1))
    places.push(at + 14);
  for (const name of ['"sha256":"', '"lines":', '"madeMs":', '"level":"'])
    places.push(text.lastIndexOf(name) + name.length);
  for (const place of places) await flip(file, place, 0);
}, 60_000);

test("[PF1] lines taken out, doubled, swapped or cut off are rejected", async () => {
  const { file } = tell(randomPlan(5), beacon);
  const lines = file.toString().trimEnd().split("\n");
  for (let at = 0; at < lines.length; at++) {
    const [line = "", next = ""] = lines.slice(at, at + 2);
    const others = [
      [...lines.slice(0, at), ...lines.slice(at + 1)],
      [...lines.slice(0, at), line, ...lines.slice(at)],
      [...lines.slice(0, at), next, line, ...lines.slice(at + 2)],
    ].map((each) => `${each.join("\n")}\n`);
    for (const other of others) {
      if (other.trimEnd() === file.toString().trimEnd()) continue;
      expect((await check(Buffer.from(other))).accepted).toBe(false);
    }
  }
  for (const end of [0, 1, 100, file.length - 1]) {
    expect((await check(file.subarray(0, end))).accepted).toBe(false);
  }
}, 60_000);

test("[PF5] chunks of any size say the same", async () => {
  const { file } = tell(randomPlan(6), beacon);
  const whole = await check(file);
  for (const size of [1, 7, 1_000]) {
    expect(await verifyProof(chunks(file, size))).toEqual(whole);
  }
});
