import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

/**
 * Keeps personal data at rest and makes codes nobody can guess, all from the data folder's secret.
 *
 * A sealed value is `0x01 | iv(12) | tag(16) | ciphertext`, AES-256-GCM (NIST SP 800-38D) with the context as
 * associated data: a value copied into another row does not open there.
 */
export type Vault = {
  seal(value: unknown, context: string): Buffer;
  /** Throws when the bytes were changed, belong to another context, or to another secret. */
  open(sealed: Uint8Array, context: string): unknown;
  /** HMAC-SHA-256 over `tag | 0x00 | id`: the same for ever, and unguessable without the secret. */
  derive(tag: string, id: string): Buffer;
};

const SEAL_VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Makes the vault. @param secret the data folder's secret, at least 32 bytes; each use gets its own key from it (HKDF) */
export function createVault(secret: Uint8Array): Vault {
  if (secret.length < 32) throw new TypeError("The secret must have at least 32 bytes");
  const keyFor = (use: string) => Buffer.from(hkdfSync("sha256", secret, "", use, 32));
  const sealKey = keyFor("wanhui/personal-data/1");
  const deriveKey = keyFor("wanhui/derived-codes/1");
  return {
    seal(value, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv("aes-256-gcm", sealKey, iv);
      cipher.setAAD(Buffer.from(context, "utf8"));
      const body = Buffer.concat([cipher.update(JSON.stringify(value), "utf8"), cipher.final()]);
      return Buffer.concat([Buffer.from([SEAL_VERSION]), iv, cipher.getAuthTag(), body]);
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed);
      if (bytes[0] !== SEAL_VERSION) throw new Error("The sealed value has an unknown version");
      const body = 1 + IV_BYTES + TAG_BYTES;
      const decipher = createDecipheriv("aes-256-gcm", sealKey, bytes.subarray(1, 1 + IV_BYTES));
      decipher.setAAD(Buffer.from(context, "utf8"));
      decipher.setAuthTag(bytes.subarray(1 + IV_BYTES, body));
      const text = Buffer.concat([decipher.update(bytes.subarray(body)), decipher.final()]).toString("utf8");
      return JSON.parse(text) as unknown;
    },
    derive(tag, id) {
      return createHmac("sha256", deriveKey).update(`${tag}\0${id}`).digest();
    },
  };
}

/** Crockford's base 32: no I, L, O or U, so that a code survives being read out on the phone. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Writes bytes for people: five bits a character, groups of four. @param characters a multiple of 4, at most bytes * 8 / 5 */
export function spokenCode(bytes: Uint8Array, characters: number): string {
  let code = "";
  let bits = 0;
  let held = 0;
  for (let at = 0, written = 0; written < characters; written += 1) {
    if (held < 5) {
      bits = (bits << 8) | (bytes[at] ?? 0);
      at += 1;
      held += 8;
    }
    held -= 5;
    if (written > 0 && written % 4 === 0) code += "-";
    code += ALPHABET[(bits >> held) & 31];
    bits &= (1 << held) - 1;
  }
  return code;
}
