import { createHmac, randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, Fault } from "../platform/mod.ts";

/** The server's 32 random bytes. Whoever has them can be anybody: every other key is derived from them. */
export type Secret = Uint8Array & { readonly secret: "server" };

const SECRET_BYTES = 32;
const FILE = "secret";

/**
 * Reads the server secret of a data folder, made on the first start: readable by us alone, whole or not there at
 * all, and the same for two processes that start at once.
 *
 * @throws Fault `secret.unreadable` when the file is there and is not 64 hex characters
 */
export async function loadSecrets(dataFolder: string): Promise<Secret> {
  const file = join(dataFolder, FILE);
  const known = await readSecret(file);
  if (known !== undefined) return known;
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const handle = await open(fresh, "wx", 0o600);
  await handle.writeFile(`${randomBytes(SECRET_BYTES).toString("hex")}\n`);
  await handle.sync();
  await handle.close();
  // A link fails when the name exists: of two processes that start at once one wins, both read the same.
  await link(fresh, file).catch((error) => {
    if (errorCode(error) !== "EEXIST") throw error;
  });
  await unlink(fresh);
  const made = await readSecret(file);
  if (made === undefined) throw new Fault("secret.unreadable", `${file} vanished while it was made.`);
  return made;
}

async function readSecret(file: string): Promise<Secret | undefined> {
  const text = await readFile(file, "utf8").catch((error) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : secretFromHex(text.trim(), file);
}

/** The secret from 64 hex characters, as a setting gives it to several servers. @param place named in the fault */
export function secretFromHex(hex: string, place: string): Secret {
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw new Fault("secret.unreadable", `${place} must hold 64 lower-case hex characters.`);
  }
  return Buffer.from(hex, "hex") as unknown as Secret;
}

/** A key for one purpose: knowing it tells nothing of another purpose's. */
export function keyFor(secret: Secret, purpose: string): Buffer {
  return createHmac("sha256", secret).update(`wanhui/key/1/${purpose}`).digest();
}
