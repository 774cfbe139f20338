import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, Fault } from "../fault.ts";

/** How tools reach the embedded database of a running server. */
export type ConnectionFile = { url: string; port: number; pid: number };

const fileName = "connection.json";

/** Writes `<folder>/connection.json`, readable by its owner only, in one step: a reader never sees half of it. */
export async function writeConnectionFile(folder: string, connection: ConnectionFile): Promise<void> {
  const half = join(folder, `${fileName}.${process.pid}`);
  await writeFile(half, `${JSON.stringify(connection, undefined, 2)}\n`, { mode: 0o600 });
  await rename(half, join(folder, fileName));
}

/** Removes the connection file: nobody answers at its address any more. */
export async function removeConnectionFile(folder: string): Promise<void> {
  await rm(join(folder, fileName), { force: true });
}

/**
 * Reads how to reach the database of the server that runs on `folder`.
 *
 * @throws Fault `folder.no_server` when there is no connection file
 */
export async function readConnectionFile(folder: string): Promise<ConnectionFile> {
  try {
    return JSON.parse(await readFile(join(folder, fileName), "utf8")) as ConnectionFile;
  } catch (cause) {
    const missing = errorCode(cause) === "ENOENT";
    throw new Fault(
      "folder.no_server",
      missing
        ? `No server runs on ${folder}. Start one with npm start, or name a database with DATABASE_URL.`
        : `The connection file in ${folder} cannot be read.`,
      { cause },
    );
  }
}
