import { CHECK_COUNTERS, type CheckChallenge, type CheckSolution } from "@wanhui/protocol";
import { pbkdf2 } from "./pbkdf2.ts";

/** Work between two looks at the rest of the page: a frame of a screen is 16 ms. */
const SLICE_MS = 12;
/** A challenge of a later server may be harder than ours; one without an end is a fault of it. */
const COUNTERS_MAX = 65_536;

/** Tells how much of the most there is to do is done, 0 to 1. */
export type OnProgress = (part: number) => void;

/**
 * Solves a challenge of the bot check (AB2), giving way to the rest of the page every few milliseconds. Runs in a page,
 * in a worker and in Node; with WebCrypto where it is there, with our own PBKDF2 on plain http.
 *
 * @param options.subtle null to do without WebCrypto
 * @throws TypeError for a kind of challenge we do not know
 */
export async function solveCheck(
  { parameters }: Pick<CheckChallenge, "parameters">,
  onProgress: OnProgress = () => undefined,
  options: { readonly subtle?: SubtleCrypto | null } = {},
): Promise<CheckSolution> {
  const { algorithm, cost, keyLength, keyPrefix } = parameters;
  if (algorithm !== "PBKDF2/SHA-256" || keyLength !== 32) throw new TypeError(`a check by ${algorithm}`);
  const subtle = options.subtle === undefined ? globalThis.crypto?.subtle : options.subtle;
  const salt = bytesOf(parameters.salt);
  const nonce = bytesOf(parameters.nonce);
  const password = new Uint8Array(nonce.length + 4);
  password.set(nonce);
  const view = new DataView(password.buffer);
  let pausedAtMs = performance.now();
  for (let counter = 0; counter < COUNTERS_MAX; counter += 1) {
    view.setUint32(nonce.length, counter);
    const key = subtle ? await derive(subtle, { password, salt, cost }) : pbkdf2(password, salt, cost);
    const derivedKey = hexOf(key);
    if (derivedKey.startsWith(keyPrefix)) {
      onProgress(1);
      return { counter, derivedKey };
    }
    if (performance.now() - pausedAtMs < SLICE_MS) continue;
    onProgress(Math.min(1, (counter + 1) / CHECK_COUNTERS));
    await new Promise((resolve) => setTimeout(resolve, 0));
    pausedAtMs = performance.now();
  }
  throw new TypeError("a check without an answer");
}

async function derive(
  subtle: SubtleCrypto,
  {
    password,
    salt,
    cost,
  }: { password: Uint8Array<ArrayBuffer>; salt: Uint8Array<ArrayBuffer>; cost: number },
): Promise<Uint8Array> {
  const key = await subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const bits = await subtle.deriveBits({ name: "PBKDF2", salt, iterations: cost, hash: "SHA-256" }, key, 256);
  return new Uint8Array(bits);
}

// Of its own, so that this file is one piece for pages and workers that load it alone.
const hexOf = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
