import { bls12_381 } from "@noble/curves/bls12-381.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bigEndian, concat, fromHex, portableSha256, utf8 } from "./bytes.ts";
import { type Json, printCanonical } from "./canonical.ts";

const signTag = "wanhui/sign/1\n";

/** BY10: whether `signature` is the key's Ed25519 signature of a record without its `signature` field. */
export function isSigned(
  record: { readonly [key: string]: Json },
  signature: string,
  publicKey: string,
): boolean {
  const { signature: _, ...signed } = record;
  const message = concat(utf8(signTag), utf8(printCanonical(signed)));
  try {
    return ed25519.verify(fromHex(signature), message, fromHex(publicKey), { zip215: false });
  } catch {
    return false;
  }
}

/** Domain of drand's scheme `bls-unchained-g1-rfc9380`: signatures in G1, public keys in G2. */
const beaconDomain = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const bls = bls12_381.shortSignatures;

/** One published beacon value. */
export type BeaconValue = { readonly round: number; readonly signature: string };

/**
 * Whether a beacon's signature of one round is right: BLS over SHA-256(u64 round), as drand's unchained scheme signs.
 * About 40 ms. Never throws: an undecodable signature or key is simply not right.
 */
export function isBeacon(beacon: BeaconValue, publicKey: string): boolean {
  try {
    return bls.verify(fromHex(beacon.signature), roundPoint(beacon.round), fromHex(publicKey));
  } catch {
    return false;
  }
}

/**
 * Whether all of many beacons of one key are right, at the price of about one: each signature and message is weighted
 * with 128 bits that depend on all of them, and the weighted sums are compared by one pairing equation.
 * Source: Bellare, Garay, Rabin, "Fast batch verification for modular exponentiation and digital signatures" (small
 * exponents), with weights by hashing instead of at random, so that a verdict can be repeated.
 */
export function areBeacons(beacons: readonly BeaconValue[], publicKey: string): boolean {
  const [first] = beacons;
  if (first === undefined) return true;
  if (beacons.length === 1) return isBeacon(first, publicKey);
  try {
    const all = portableSha256(
      utf8(printCanonical([publicKey, ...beacons.map(({ round, signature }) => ({ round, signature }))])),
    );
    let signatures = bls12_381.G1.Point.ZERO;
    let messages = bls12_381.G1.Point.ZERO;
    for (const [index, { round, signature }] of beacons.entries()) {
      const weight = weightOf(all, index);
      // fromBytes refuses points outside the prime-order group, without which small exponents prove nothing.
      signatures = signatures.add(bls.Signature.fromBytes(fromHex(signature)).multiplyUnsafe(weight));
      messages = messages.add(roundPoint(round).multiplyUnsafe(weight));
    }
    return bls.verify(signatures, messages, fromHex(publicKey));
  } catch {
    return false;
  }
}

function roundPoint(round: number) {
  return bls.hash(portableSha256(bigEndian(round, 8)), beaconDomain);
}

function weightOf(all: Uint8Array, index: number): bigint {
  let weight = 0n;
  for (const byte of portableSha256(concat(all, bigEndian(index, 8))).subarray(0, 16)) {
    weight = weight * 256n + BigInt(byte);
  }
  return weight === 0n ? 1n : weight;
}
