import { createHash, generateKeyPairSync } from "node:crypto";
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalText, type Event, merkleRoot, rootFromPath, tickLeaf } from "@wanhui/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Log, silentLog } from "../platform/mod.ts";
import {
  createProofArchive,
  createShowSigner,
  isRecordSigned,
  loadShowSigner,
  moveWholeProofs,
  type ProofArchive,
  type ServedProof,
  type ShowSigner,
  TickReceipts,
  writeProof,
} from "./mod.ts";
import { ProofStory } from "./proof-story.ts";
import { SortedKeys } from "./sorted-keys.ts";
import { after, draw, keyOf, play, sha256, userOf } from "./testing.ts";

const signer = createShowSigner(generateKeyPairSync("ed25519").privateKey);
const head = { show: "night", run: "night-1", software: "test" };
let root: string;
let folders = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "wanhui-proofs-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));
const newFolder = () => join(root, String(folders++));

type Entered = Extract<Event, { type: "entered" }>;

/** A story told to its end, with nothing written. */
function storyOf(events: readonly Event[]): ProofStory {
  const rules = events.find((event) => event.type === "draw.planned")?.rules;
  if (rules === undefined) throw new Error("no rules");
  const story = new ProofStory({ draw, rules, head, signer, level: "dev", spillFolder: newFolder() });
  for (const event of events) story.take(event);
  return story;
}

function archiveIn(folder: string, log: Log = silentLog()): Promise<ProofArchive> {
  return createProofArchive({
    folder,
    signer,
    headOf: () => head,
    isPublicChain: () => false,
    witnessesOf: async () => [],
    nowMs: () => 1,
    log,
  });
}

async function textOf(proof: ServedProof | null): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of proof?.chunks() ?? []) parts.push(chunk);
  const bytes = Buffer.concat(parts);
  expect(bytes.length).toBe(proof?.bytes);
  return bytes.toString();
}

async function oneShot(events: readonly Event[]): Promise<string> {
  let text = "";
  const out = (bytes: Buffer) => {
    text += bytes.toString();
  };
  await writeProof({ draw, events, signer, head, witnesses: [], isPublicChain: () => false, madeMs: 1, out });
  return text;
}

const kindsOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).kind as string);

describe("the show's key", () => {
  test("[BY10] is made once, for its owner only, and signs the same record the same way", async () => {
    const folder = newFolder();
    const first = await loadShowSigner(folder);
    const again = await loadShowSigner(folder);
    expect(again.publicKey).toBe(first.publicKey);
    const [name = ""] = await readdir(folder);
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    const record = { version: "wanhui/tick/1", seq: 4 };
    const signature = first.signRecord(record);
    expect(again.signRecord({ ...record, signature })).toBe(signature);
    expect(isRecordSigned({ record, signature, publicKey: first.publicKey })).toBe(true);
    expect(isRecordSigned({ record: { ...record, seq: 5 }, signature, publicKey: first.publicKey })).toBe(
      false,
    );
    expect(isRecordSigned({ record, signature: "zz", publicKey: "00" })).toBe(false);
  });

  test("[BY10] a damaged file is a fault, never a new key", async () => {
    const folder = newFolder();
    await loadShowSigner(folder);
    const [name = ""] = await readdir(folder);
    await chmod(join(folder, name), 0o600);
    await writeFile(join(folder, name), "rubbish");
    await expect(loadShowSigner(folder)).rejects.toMatchObject({ code: "proofs.show_key" });
  });
});

test("[PF5] keys of a window come back ascending, each once, spilled or not", async () => {
  for (const count of [0, 1, 1_000, 40_000]) {
    const folder = newFolder();
    const keys = new SortedKeys(folder);
    const expected = Array.from({ length: count }, (_, n) => keyOf(n));
    for (const key of expected) keys.add(key);
    const spilling = keys.spill();
    // Keys come, and are read, while a run is on its way to the disk.
    for (let n = 0; n < count; n += 7) keys.add(keyOf(n));
    expect([...keys.ascending()].length).toBe(count);
    await spilling;
    expect((await readdir(folder).catch(() => [])).length).toBe(Math.floor((count * 8) / 7 / 16_384));
    if (count > 0) keys.add(keyOf(0));
    expect([...keys.ascending()]).toEqual([...expected].sort());
    expect([...keys.ascending()].length).toBe(count);
    keys.remove();
  }
});

describe("the growing file", () => {
  test("[PF2][PF4] after every event the served file is the one written from the events so far", async () => {
    const { events } = play({ showKey: signer.publicKey, entrants: 7 });
    const archive = await archiveIn(newFolder());
    const etags = new Set<string>();
    let kinds: string[] = [];
    for (const [index, event] of events.entries()) {
      archive.take({ events: [event] });
      if (event.type === "entered") continue;
      await archive.flush();
      const served = await archive.open(draw);
      if (served === null) continue;
      const text = await textOf(served);
      expect(text).toBe(await oneShot(events.slice(0, index + 1)));
      kinds = kindsOf(text);
      if (event.type !== "pool.changed") etags.add(served.etag);
    }
    expect(kinds).toEqual([
      ...["head", "rules", "arm"],
      ...["seal", "draw", "entries", "winners"],
      ...["seal", "draw", "entries"],
      ...["seal", "draw", "entries", "winners"],
      ...["close", "forfeit", "foot"],
    ]);
    // arm, three seals, three draws, close, forfeit: each changes the file and its tag.
    expect(etags.size).toBe(9);
  });

  test("[PF4] a file opened before the next window was drawn reads to its own end", async () => {
    const { events } = play({ showKey: signer.publicKey, entrants: 3_000 });
    const archive = await archiveIn(newFolder());
    const cut = after(events, "window.drawn");
    archive.take({ events: events.slice(0, cut) });
    await archive.flush();
    const early = await archive.open(draw);
    archive.take({ events: events.slice(cut) });
    await archive.flush();
    expect(await textOf(early)).toBe(await oneShot(events.slice(0, cut)));
    expect(await textOf(await archive.open(draw))).toBe(await oneShot(events));
  });

  test("[PF4] while a window is being written the file stands before it", async () => {
    const { events } = play({ showKey: signer.publicKey, entrants: 30_000 });
    const archive = await archiveIn(newFolder());
    archive.take({ events: events.slice(0, after(events, "draw.armed")) });
    await archive.flush();
    archive.take({ events: events.slice(after(events, "draw.armed")) });
    const writing = archive.flush();
    const during = await archive.open(draw);
    const kinds = kindsOf(await textOf(during));
    expect(kinds.slice(-1)).toEqual(["foot"]);
    expect(kinds).not.toContain("forfeit");
    await writing;
    expect(await textOf(await archive.open(draw))).toBe(await oneShot(events));
  }, 60_000);

  test("[PF4] after a restart the journal's replay makes the same file; a whole body is not written again", async () => {
    const { events } = play({ showKey: signer.publicKey, entrants: 9 });
    const folder = newFolder();
    const cut = after(events, "window.drawn", 2);
    const killed = await archiveIn(folder);
    killed.take({ events: events.slice(0, cut) });
    await killed.flush();
    const second = await archiveIn(folder);
    second.take({ events });
    await second.flush();
    expect(await textOf(await second.open(draw))).toBe(await oneShot(events));
    const body = join(folder, "night-1~round.body");
    const before = await stat(body);
    const third = await archiveIn(folder);
    third.take({ events });
    await third.flush();
    expect(await textOf(await third.open(draw))).toBe(await oneShot(events));
    expect((await stat(body)).mtimeMs).toBe(before.mtimeMs);
    await appendFile(body, "torn");
    const fourth = await archiveIn(folder);
    fourth.take({ events });
    await fourth.flush();
    expect(await textOf(await fourth.open(draw))).toBe(await oneShot(events));
    expect((await readFile(body, "utf8")).endsWith("torn")).toBe(false);
  });

  test("[JR14] whole proofs moved to another folder are what a snapshot tells of; cut short, no note stands by another's body", async () => {
    const { events } = play({ showKey: signer.publicKey, entrants: 20 });
    const [mine, kept] = [newFolder(), newFolder()];
    const archive = await archiveIn(mine);
    archive.take({ events });
    await archive.flush();
    const saved = structuredClone(archive.memory.save());
    expect((await archiveIn(kept)).memory.fits?.(saved)).toBe(false);
    const [body = "", note = ""] = (await readdir(mine)).sort();
    // What stood there is of an earlier start: the move ends at its body.
    await mkdir(join(kept, body));
    await writeFile(join(kept, note), "another's");
    await expect(moveWholeProofs(mine, kept)).rejects.toThrow();
    expect(await readdir(kept)).toEqual([body]);
    await rm(join(kept, body), { recursive: true });
    await moveWholeProofs(mine, kept);
    const next = await archiveIn(kept);
    expect(next.memory.fits?.(saved)).toBe(true);
    next.memory.load(saved, []);
    expect(await textOf(await next.open(draw))).toBe(await oneShot(events));
  });

  test("[PF4] the service writes by itself and ends when asked", async () => {
    const { events } = play({ showKey: signer.publicKey, entrants: 2 });
    const archive = await archiveIn(newFolder());
    const running = archive.run(new AbortController().signal);
    expect(await archive.open(draw)).toBeNull();
    archive.take({ events });
    while ((archive.story(draw)?.complete ?? false) === false)
      await new Promise((resolve) => setImmediate(resolve));
    await archive.stop();
    await running;
    expect(await textOf(await archive.open(draw))).toBe(await oneShot(events));
  });

  test("[PF4] however often it is woken, the service listens once for its end", async () => {
    const { events } = play({ showKey: signer.publicKey, entrants: 20 });
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on("warning", onWarning);
    const archive = await archiveIn(newFolder());
    const running = archive.run(new AbortController().signal);
    // Far more wakes than Node's ten listeners: each is taken in before the next comes.
    for (let wakes = 0; wakes < 15; wakes += 1) {
      archive.take({ events: events.slice(0, 2) });
      for (let turns = 0; turns < 3; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    await archive.stop();
    await running;
    process.off("warning", onWarning);
    expect(warnings.map(({ message }) => message)).toEqual([]);
  });
});

describe("a file that cannot be written", () => {
  const many = () => play({ showKey: signer.publicKey, entrants: 20_000 }).events;

  test("[PF6] [JR12] a disk that refuses the keys is no trouble of the journal's; they are kept and spilled later", async () => {
    const events = many();
    const folder = newFolder();
    const archive = await archiveIn(folder);
    // A file where the folder of the runs would be: nothing can be spilled.
    await writeFile(join(folder, "runs"), "in the way");
    const cut = after(events, "window.sealed") - 1;
    archive.take({ events: events.slice(0, cut) });
    await expect(archive.flush()).rejects.toThrow(/EEXIST|ENOTDIR/);
    await rm(join(folder, "runs"));
    await archive.flush();
    expect((await readdir(join(folder, "runs"))).length).toBe(1);
    archive.take({ events: events.slice(cut) });
    await archive.flush();
    expect(await textOf(await archive.open(draw))).toBe(await oneShot(events));
    expect(await readdir(join(folder, "runs"))).toEqual([]);
  }, 60_000);

  test("[PF6] a stretch that did not get into the file is given again, byte for byte", () => {
    const { events } = play({ showKey: signer.publicKey, entrants: 9 });
    const story = storyOf(events);
    const texts: string[] = [];
    for (let stretch = story.next(); stretch !== undefined; stretch = story.next()) {
      const before = story.mark;
      const lost = Buffer.concat([...stretch.lines]).toString();
      expect(story.mark).toBe(before);
      const again = story.next();
      const text = Buffer.concat([...(again?.lines ?? [])]).toString();
      expect(text).toBe(lost);
      again?.written();
      texts.push(text);
    }
    // The beginning, three windows, the close.
    expect(texts.length).toBe(5);
    expect(story.complete).toBe(true);
  });

  test.each([
    ["one key less", (events: Event[], at: number) => void events.splice(at, 1)],
    [
      "one key more",
      (events: Event[], at: number) =>
        void events.splice(at, 0, { ...(events[at] as Entered), userKey: keyOf(99_999) }),
    ],
    [
      "another key twice instead",
      (events: Event[], at: number) => void events.splice(at, 1, events[at + 1] as Entered),
    ],
  ])(
    "[PF6] %s than the seal covers is never published, nor noted as whole, and is said loudly",
    async (_, damage) => {
      const { events } = play({ showKey: signer.publicKey, entrants: 40 });
      const damaged = [...events];
      // An entry of the second window.
      damage(damaged, after(events, "window.sealed") + 5);
      const said: string[] = [];
      const folder = newFolder();
      const error = (_: unknown, message: string) => void said.push(message);
      const archive = await archiveIn(folder, { ...silentLog(), error: error as Log["error"] });
      archive.take({ events: damaged });
      await archive.flush();
      await archive.flush();
      expect(said).toEqual([expect.stringContaining("not those of its seal")]);
      const kinds = kindsOf(await textOf(await archive.open(draw)));
      expect(kinds.filter((kind) => kind === "entries").length).toBe(1);
      expect((await readdir(folder)).filter((name) => name.endsWith(".whole"))).toEqual([]);
      // The journal has the truth: the next start writes it.
      const next = await archiveIn(folder);
      next.take({ events });
      await next.flush();
      expect(await textOf(await next.open(draw))).toBe(await oneShot(events));
    },
  );
});

describe("receipts", () => {
  const { events } = play({ showKey: signer.publicKey, entrants: 5 });
  const entered = events.filter((event) => event.type === "entered");

  function counting(): ShowSigner & { count: number } {
    const counted = {
      publicKey: signer.publicKey,
      count: 0,
      signRecord(record: Readonly<Record<string, unknown>>) {
        counted.count++;
        return signer.signRecord(record);
      },
    };
    return counted;
  }

  /** Batches of three events each, as a journal would have them. */
  const batches = Array.from({ length: Math.ceil(events.length / 3) }, (_, index) => ({
    shard: 2,
    seq: index + 1,
    atMs: 1_000 + index,
    events: events.slice(index * 3, index * 3 + 3),
  }));
  const find = async ({ window, user }: { window: number; user: string }) => {
    const seq = batches.findIndex((batch) =>
      batch.events.some(
        (event) => event.type === "entered" && event.window === window && event.user === user,
      ),
    );
    return seq < 0 ? null : { shard: 2, seq: seq + 1 };
  };
  const readBatch = async (_: number, seq: number) => batches[seq - 1] ?? null;

  test("[RC1][BY9] each entry's path leads to its tick's root, one signature per tick", async () => {
    const counted = counting();
    const receipts = new TickReceipts({ signer: counted, findEntry: find, readBatch });
    for (const batch of batches) receipts.take(batch);
    expect(counted.count).toBe(0);
    const ticks = new Set<number>();
    for (const { window, user, userKey } of entered) {
      for (let twice = 0; twice < 2; twice++) {
        const receipt = await receipts.receipt({ draw, window, user });
        if (receipt === null) throw new Error("no receipt");
        const { leaf, index, path, tick, signature } = receipt;
        expect(leaf).toEqual({ draw, window, userKey });
        expect(rootFromPath({ data: tickLeaf(leaf, sha256), index, count: tick.count, path }, sha256)).toBe(
          tick.root,
        );
        expect(isRecordSigned({ record: tick, signature, publicKey: signer.publicKey })).toBe(true);
        ticks.add(tick.seq);
      }
    }
    expect(counted.count).toBe(ticks.size);
  });

  test("[RC3] an old tick read back from the journal gives the same receipt", async () => {
    const fresh = new TickReceipts({ signer, findEntry: find, readBatch });
    const kept = new TickReceipts({ signer, findEntry: async () => null, readBatch });
    for (const batch of batches) kept.take(batch);
    for (const { window, user } of entered) {
      const receipt = await kept.receipt({ draw, window, user });
      expect(receipt).not.toBeNull();
      expect(await fresh.receipt({ draw, window, user })).toEqual(receipt);
    }
    expect(await fresh.receipt({ draw, window: 9, user: userOf(0) })).toBeNull();
    expect(await fresh.receipt({ draw, window: 0, user: userOf(99) })).toBeNull();
  });

  test("[RC3] memory is bounded; what was forgotten is found again", async () => {
    const receipts = new TickReceipts({ signer, findEntry: find, readBatch });
    for (const batch of batches) receipts.take(batch);
    const crowd = Array.from({ length: 3_000 }, (_, n) => ({
      type: "entered" as const,
      atMs: 1,
      draw,
      window: 0,
      user: userOf(1_000 + n),
      userKey: keyOf(1_000 + n),
    }));
    for (let seq = 1_000; seq < 1_030; seq++) receipts.take({ shard: 3, seq, atMs: 1, events: crowd });
    expect(receipts.recentEntries).toBeLessThanOrEqual(65_536);
    const [first] = entered;
    if (first === undefined) throw new Error("nobody entered");
    expect((await receipts.receipt({ draw, window: first.window, user: first.user }))?.tick.shard).toBe(2);
    receipts.take({ shard: 3, seq: 1_030, atMs: 120_002, events: crowd });
    expect(receipts.recentEntries).toBe(crowd.length);
  });
});

test("[PF1] lines are canonical, numbered and linked", async () => {
  const { events } = play({ showKey: signer.publicKey, entrants: 4 });
  let previous = "0".repeat(64);
  for (const [n, line] of (await oneShot(events)).trimEnd().split("\n").entries()) {
    const value = JSON.parse(line);
    expect(canonicalText(value)).toBe(line);
    expect(value).toMatchObject({ n, previous });
    previous = createHash("sha256").update(line).digest("hex");
  }
  expect(merkleRoot([], sha256)).toMatch(/^e3b0c442/);
});
