import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Joined, Member } from "../cluster/mod.ts";
import { identifyProcess, loadConfig, silentLog } from "../platform/mod.ts";
import { proofsFolder } from "./proofs-folder.ts";

// Folders of guests of one data folder; the processes are real ones.

let data: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "wanhui-guests-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(data, { recursive: true, force: true });
});

async function begin(): Promise<number> {
  const child = spawn("sleep", ["600"]);
  children.push(child);
  await once(child, "spawn");
  return child.pid ?? 0;
}

async function memberOf(pid: number, more: Partial<Member> = {}): Promise<Pick<Member, "process">> {
  const identity = await identifyProcess(pid);
  const started = identity?.startedAt ?? "1";
  return { process: `${pid}-aa`, pid, place: identity?.place ?? "", started, ...more } as Member;
}

function open(members: readonly Pick<Member, "process">[], holds: () => boolean = () => false) {
  const keeper = {
    get holds() {
      return holds();
    },
  };
  const self = { process: `${process.pid}-self` };
  return proofsFolder({
    config: loadConfig({ env: {}, flags: { data } }),
    log: silentLog(),
    database: { keeper },
    joined: { self, store: { members: async () => members } } as unknown as Joined,
  });
}

const guests = async () => (await readdir(join(data, "guests")).catch(() => [])).sort();

test("[MP17] a start removes the folders of guests that are gone, and no other", async () => {
  const [living, killed, stalled] = [await begin(), await begin(), await begin()];
  const known = {
    living: await memberOf(living),
    killed: await memberOf(killed),
    // Its id is another's by now.
    reused: await memberOf(stalled, { process: `${stalled}-before`, started: "1" }),
    // Nothing can be known of it from here.
    elsewhere: await memberOf(killed, { process: `${killed}-elsewhere`, place: "another machine" }),
  };
  const forgotten = {
    // The table has forgotten these: one was stopped for too long, one ended, one was in a container.
    stalled: `${stalled}-aa`,
    gone: `${killed}-forgotten`,
    contained: `${process.pid}-contained`,
  };
  const all = [...Object.values(known).map((member) => member.process), ...Object.values(forgotten)];
  for (const name of all) await mkdir(join(data, "guests", name, "proofs"), { recursive: true });
  const child = children[1];
  const ended = once(child ?? process, "exit");
  child?.kill("SIGKILL");
  await ended;
  await open(Object.values(known), () => true);
  expect(await guests()).toEqual([known.living.process, known.elsewhere.process, forgotten.stalled].sort());
});

test("[MP17] a guest leaves nothing behind; who holds the data folder by then leaves its whole proofs to the next holder", async () => {
  let holds = false;
  const write = async (path: string, files: Record<string, string>) => {
    await mkdir(path, { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  };
  const files = { "a.body": "all of it", "a.whole": "{}", "b.body": "half of it" };
  const guest = await open([], () => holds);
  await write(guest.path, files);
  await guest.leave();
  expect(await guests()).toEqual([]);
  expect(await readdir(data)).toEqual(["guests"]);
  const heir = await open([], () => holds);
  await write(heir.path, files);
  holds = true;
  await heir.leave();
  expect(await guests()).toEqual([]);
  const holder = await open([], () => holds);
  expect((await readdir(holder.path)).sort()).toEqual(["a.body", "a.whole"]);
  await holder.leave();
  expect((await readdir(holder.path)).sort()).toEqual(["a.body", "a.whole"]);
});
