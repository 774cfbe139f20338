import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { type Json, printCanonical } from "@wanhui/verify";

const signTag = "wanhui/sign/1\n";

/** A witness's own key. */
export type WitnessKey = {
  /** 32 bytes in hex: what the show file declares. */
  readonly publicKey: string;
  /** BY10. */
  sign(record: { readonly [field: string]: Json }): string;
};

/** Reads an Ed25519 key (PEM), or makes the file, readable by its owner only, when there is none. */
export async function loadWitnessKey(path: string): Promise<WitnessKey> {
  try {
    const file = await open(path, "wx", 0o600);
    await file.writeFile(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }));
    await file.sync();
    await file.close();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const key = createPrivateKey(await readFile(path));
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`${path} is not an Ed25519 key`);
  return witnessKeyOf(key);
}

/** The key of a private key object. */
export function witnessKeyOf(key: KeyObject): WitnessKey {
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: der.subarray(-32).toString("hex"),
    sign: (record) => sign(null, Buffer.from(signTag + printCanonical(record)), key).toString("hex"),
  };
}
