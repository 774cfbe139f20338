import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault, type FolderKeeper, type Service } from "../platform/mod.ts";
import { pause } from "./ground.ts";

/** How tools on this machine find the server of a data folder. */
export type ServerFile = {
  readonly url: string;
  readonly pid: number;
  readonly run: string;
  readonly rehearsal: boolean;
};

const fileName = "server.json";

/** How often a process that shares the folder looks whether the file has become its own. */
const LOOK_EVERY_MS = 250;

/** Writes `<folder>/server.json` in one step. */
async function writeServerFile(folder: string, file: ServerFile): Promise<void> {
  const half = join(folder, `${fileName}.${process.pid}`);
  await writeFile(half, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600 });
  await rename(half, join(folder, fileName));
}

/**
 * Keeps the file while this process holds the folder: of several that share it, the file names the holder, and after
 * his end the one that took his place.
 */
export function writtenServerFile(parts: {
  readonly folder: string;
  readonly file: ServerFile;
  readonly keeper: Pick<FolderKeeper, "holds">;
}): Service & { start(): Promise<void> } {
  const { folder, file, keeper } = parts;
  const ended = new AbortController();
  let written = false;
  async function start(): Promise<void> {
    if (written || !keeper.holds) return;
    await writeServerFile(folder, file);
    written = true;
  }
  return {
    name: "server file",
    start,
    async run(signal) {
      const end = AbortSignal.any([signal, ended.signal]);
      while (!end.aborted) {
        await start().catch(() => undefined);
        await pause(LOOK_EVERY_MS, end);
      }
    },
    async stop() {
      ended.abort();
      // Nobody answers there any more.
      if (written) await rm(join(folder, fileName), { force: true });
    },
  };
}

/**
 * Reads where the server of a data folder answers.
 *
 * @throws Fault `folder.no_server` when none runs
 */
export async function readServerFile(folder: string): Promise<ServerFile> {
  try {
    return JSON.parse(await readFile(join(folder, fileName), "utf8")) as ServerFile;
  } catch (cause) {
    throw new Fault(
      "folder.no_server",
      `No server runs on ${folder}. Start one with npm start, or give its --url.`,
      {
        cause,
      },
    );
  }
}
