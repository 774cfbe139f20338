import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../platform/mod.ts";

/** How tools on this machine find the server of a data folder. */
export type ServerFile = {
  readonly url: string;
  readonly pid: number;
  readonly run: string;
  readonly rehearsal: boolean;
};

const fileName = "server.json";

/** Writes `<folder>/server.json` in one step. */
export async function writeServerFile(folder: string, file: ServerFile): Promise<void> {
  const half = join(folder, `${fileName}.${process.pid}`);
  await writeFile(half, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600 });
  await rename(half, join(folder, fileName));
}

/** Removes it: nobody answers there any more. */
export async function removeServerFile(folder: string): Promise<void> {
  await rm(join(folder, fileName), { force: true });
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
