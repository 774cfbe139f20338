import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Hex, signedBytes } from "@wanhui/core";
import { errorCode, Fault } from "../platform/mod.ts";

const fileName = "show-key.pem";
/** What stands before the 32 raw bytes of an Ed25519 public key in its DER form (RFC 8410). */
const publicPrefix = Buffer.from("302a300506032b6570032100", "hex");

/** Signs records of the show (BY10). Ed25519 is deterministic: the same record always gets the same signature. */
export type ShowSigner = {
  /** Raw public key, 32 bytes in hex: the `showKey` of every draw's rules. */
  readonly publicKey: Hex;
  /** Signature of a record without its `signature` field, 64 bytes in hex. */
  signRecord(record: Readonly<Record<string, unknown>>): Hex;
};

/** A signer of a private key, Ed25519. */
export function createShowSigner(privateKey: KeyObject): ShowSigner {
  const der = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return {
    publicKey: der.subarray(-32).toString("hex"),
    signRecord: (record) => sign(null, signedBytes(record), privateKey).toString("hex"),
  };
}

/**
 * Reads the show's key from the data folder, or makes it there at the first start, readable by its owner only.
 *
 * @throws Fault `proofs.show_key` when the file is there and not an Ed25519 key
 */
export async function loadShowSigner(folder: string): Promise<ShowSigner> {
  const path = join(folder, fileName);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    // `wx`: of two processes that come at once one makes the key, the other reads it.
    const file = await open(path, "wx", 0o600);
    const { privateKey } = generateKeyPairSync("ed25519");
    await file.writeFile(privateKey.export({ format: "pem", type: "pkcs8" }));
    await file.sync();
    await file.close();
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
  try {
    const key = createPrivateKey(await readFile(path));
    if (key.asymmetricKeyType !== "ed25519") throw new Error(`a key of type ${key.asymmetricKeyType}`);
    return createShowSigner(key);
  } catch (cause) {
    throw new Fault("proofs.show_key", `${path} is not an Ed25519 key. Put the right file back.`, { cause });
  }
}

/** Whether a record's signature is the key's (BY10); rubbish is simply false. */
export function isRecordSigned(options: {
  readonly record: Readonly<Record<string, unknown>>;
  readonly signature: Hex;
  readonly publicKey: Hex;
}): boolean {
  const { record, signature, publicKey } = options;
  try {
    const der = Buffer.concat([publicPrefix, Buffer.from(publicKey, "hex")]);
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    return verify(null, signedBytes(record), key, Buffer.from(signature, "hex"));
  } catch {
    return false;
  }
}
