import { createHmac, timingSafeEqual } from "node:crypto";
import type { NoticeHeaders } from "./provider.ts";

/**
 * A signed request older or newer than this is refused: a recorded one is worth nothing tomorrow. Each delivery is
 * signed anew, so a notice that was retried for hours still arrives with a fresh stamp.
 */
export const SIGNATURE_TOLERANCE_MS = 5 * 60_000;

function mac(secret: Uint8Array, id: string, seconds: string, body: Uint8Array): Buffer {
  return createHmac("sha256", secret).update(`${id}.${seconds}.`).update(body).digest();
}

/**
 * Headers that sign a body: `webhook-id`, `webhook-timestamp` (seconds), `webhook-signature` (`v1,<base64 HMAC>`).
 * Source: Standard Webhooks 1.0, symmetric signatures.
 */
export function signedHeaders(options: {
  secret: Uint8Array;
  id: string;
  nowMs: number;
  body: Uint8Array;
}): Record<string, string> {
  const seconds = String(Math.floor(options.nowMs / 1_000));
  return {
    "webhook-id": options.id,
    "webhook-timestamp": seconds,
    "webhook-signature": `v1,${mac(options.secret, options.id, seconds, options.body).toString("base64")}`,
  };
}

function one(headers: NoticeHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === "string" ? value : null;
}

/** Whether the headers sign exactly these bytes, now. Compares in constant time. */
export function isSigned(options: {
  secret: Uint8Array;
  headers: NoticeHeaders;
  nowMs: number;
  body: Uint8Array;
}): boolean {
  const id = one(options.headers, "webhook-id");
  const seconds = one(options.headers, "webhook-timestamp");
  const signatures = one(options.headers, "webhook-signature");
  if (id === null || seconds === null || signatures === null || !/^\d{1,12}$/.test(seconds)) return false;
  if (Math.abs(options.nowMs - Number(seconds) * 1_000) > SIGNATURE_TOLERANCE_MS) return false;
  const expected = mac(options.secret, id, seconds, options.body);
  // Several signatures stand side by side while a secret is being changed.
  return signatures.split(" ").some((part) => {
    const [version, text] = part.split(",");
    if (version !== "v1" || text === undefined) return false;
    const given = Buffer.from(text, "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
