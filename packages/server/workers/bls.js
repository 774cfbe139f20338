// BLS of drand's scheme bls-unchained-g1-rfc9380, off the main thread: 40 to 80 ms a check would stall every socket.
// Plain JavaScript beside `src`, so that the same file serves the built server and tests that run from source.
// Spoken to by src/beacons/bls.ts only: { id, op, ... } in, { id, value } or { id, error } out.
// @ts-check

import { createHash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { bls12_381 } from "@noble/curves/bls12-381.js";

const domain = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const bls = bls12_381.shortSignatures;

/** @param {string} hex */
const bytesOf = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
/** @param {Uint8Array} bytes */
const hexOf = (bytes) => Buffer.from(bytes).toString("hex");

/** What a round's signature signs: SHA-256 of the round as u64 big-endian, hashed to the curve. @param {number} round */
function pointOf(round) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(round));
  return bls.hash(new Uint8Array(createHash("sha256").update(bytes).digest()), domain);
}

/** @type {Record<string, (job: any) => unknown>} */
const operations = {
  verify({ publicKey, round, signature }) {
    try {
      return bls.verify(bytesOf(signature), pointOf(round), bytesOf(publicKey));
    } catch {
      // Bytes that are no point of the curve are a wrong signature, not a fault.
      return false;
    }
  },
  sign: ({ secretKey, round }) => hexOf(bls.sign(pointOf(round), bytesOf(secretKey)).toBytes()),
  generate({ seed }) {
    const { secretKey } = bls.keygen(seed === undefined ? undefined : bytesOf(seed));
    return { secretKey: hexOf(secretKey), publicKey: hexOf(bls.getPublicKey(secretKey).toBytes()) };
  },
  publicKey: ({ secretKey }) => hexOf(bls.getPublicKey(bytesOf(secretKey)).toBytes()),
};

parentPort?.on("message", (job) => {
  try {
    parentPort?.postMessage({ id: job.id, value: operations[job.op]?.(job) });
  } catch (error) {
    parentPort?.postMessage({ id: job.id, error: error instanceof Error ? error.message : String(error) });
  }
});
