import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Member } from "../cluster/mod.ts";
import { errorCode, errorMessage, isAlive, processPlace, processStartedAt } from "../platform/mod.ts";
import { moveWholeProofs } from "../proofs/mod.ts";
import type { Ground } from "./ground.ts";

/** Where one process writes its proofs: those that share a data folder do not share the files. */
export type ProofsFolder = {
  /** Nobody else writes there. */
  readonly path: string;
  /** At an end in order, when nothing more is written or read there: leaves nothing behind that no start would use. */
  leave(): Promise<void>;
};

/** Below the data folder: what guests of it write, a folder for each start, made anew from the journal. */
const GUESTS = "guests";
/** Of whoever holds the data folder; the next to hold it begins with them. */
const PROOFS = "proofs";

/** Finds the folder of this process, and removes those of guests that are gone. */
export async function proofsFolder(
  ground: Pick<Ground, "config" | "joined" | "log"> & {
    readonly database: { readonly keeper: Pick<Ground["database"]["keeper"], "holds"> };
  },
): Promise<ProofsFolder> {
  const { config, joined, log } = ground;
  const { keeper } = ground.database;
  const guests = join(config.dataFolder, GUESTS);
  const kept = join(config.dataFolder, PROOFS);
  const tell = (error: unknown) =>
    log.warn({ part: "proofs", reason: errorMessage(error) }, "Files of guests could not be removed");
  await sweep(guests, () => joined.store.members()).catch(tell);
  if (keeper.holds) return { path: kept, leave: async () => undefined };
  const own = join(guests, joined.self.process);
  const path = join(own, PROOFS);
  return {
    path,
    async leave() {
      try {
        // It holds the data folder by now: the next start finds whole proofs where it looks for them, and may believe
        // the snapshot that tells of them (JR14).
        if (keeper.holds) await moveWholeProofs(path, kept);
        await rm(own, { recursive: true, force: true });
      } catch (error) {
        tell(error);
      }
    },
  };
}

async function sweep(guests: string, readMembers: () => Promise<readonly Member[]>): Promise<void> {
  const names = await readdir(guests).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  });
  if (names.length === 0) return;
  // Read after the folders: whoever made one was a member before.
  const members = new Map((await readMembers()).map((member) => [member.process, member]));
  for (const name of names) {
    if (await isGone(name, members.get(name))) await rm(join(guests, name), { recursive: true, force: true });
  }
}

/** Whether the start with this name has ended. The table forgets those that left, and those whose lease ran out long ago. */
async function isGone(name: string, member: Member | undefined): Promise<boolean> {
  if (member === undefined) {
    const pid = Number.parseInt(name, 10);
    // Each container counts from 1: an id that is our own by now was somebody else's.
    return pid === process.pid || !(await isAlive(pid));
  }
  const { place, pid, started } = member;
  return place === (await processPlace()) && (await processStartedAt(pid)) !== started;
}
