const hexOf = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const bytesOf = (hex: string) =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** 16 random bytes in hex: the phone's half of its user key, chosen once per round and told to nobody before it taps. */
export function newNonce(): string {
  return hexOf(crypto.getRandomValues(new Uint8Array(16)));
}

/** 16 random bytes in hex: the name of one wish. */
export const newRequestId = newNonce;

/**
 * The user key in the proof file: `SHA-256("wanhui/user-key/1" | pseudonym | nonce)` (docs/spec/canonical.md BY2).
 * Rejects where the page is not secure: browsers keep `crypto.subtle` to https and localhost.
 *
 * @param pseudonym 32 hex characters of the socket ticket
 * @param nonce 32 hex characters
 * @returns 64 hex characters
 */
export async function userKeyOf(pseudonym: string, nonce: string): Promise<string> {
  const tag = new TextEncoder().encode("wanhui/user-key/1");
  const bytes = Uint8Array.from([...tag, ...bytesOf(pseudonym), ...bytesOf(nonce)]);
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
