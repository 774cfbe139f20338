import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isSigned, SIGNATURE_TOLERANCE_MS, signedHeaders } from "./signature.ts";

const secret = Buffer.alloc(32, 3);
const nowMs = 1_800_000_000_000;
const body = Buffer.from('{"a":1}');
const headers = signedHeaders({ secret, id: "n1", nowMs, body });

test("[PY1] the signature is Standard Webhooks': HMAC over id.timestamp.body", () => {
  const expected = createHmac("sha256", secret).update(`n1.1800000000.{"a":1}`).digest("base64");
  expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
  expect(isSigned({ secret, headers, nowMs, body })).toBe(true);
  const rotated = { ...headers, "webhook-signature": `v1,AAAA v2,x v1,${expected}` };
  expect(isSigned({ secret, headers: rotated, nowMs, body })).toBe(true);
});

test("[PY1] other bytes, another id, time or secret, an old stamp: not signed", () => {
  const wrong = [
    { body: Buffer.from('{"a": 1}') },
    { headers: { ...headers, "webhook-id": "n2" } },
    { headers: { ...headers, "webhook-timestamp": "1800000001" } },
    { headers: { ...headers, "webhook-timestamp": "NaN" } },
    { headers: { ...headers, "webhook-signature": undefined } },
    { headers: { ...headers, "webhook-signature": ["v1,x", "v1,y"] } },
    { headers: {} },
    { secret: Buffer.alloc(32, 4) },
    { nowMs: nowMs + SIGNATURE_TOLERANCE_MS + 1_000 },
    { nowMs: nowMs - SIGNATURE_TOLERANCE_MS - 1_000 },
  ];
  for (const change of wrong) expect(isSigned({ secret, headers, nowMs, body, ...change })).toBe(false);
});

test("[PY1] no forged signature passes", () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array(), (text, bytes) => {
      const forged = { ...headers, "webhook-signature": text };
      expect(isSigned({ secret, headers: forged, nowMs, body: Buffer.from(bytes) })).toBe(false);
    }),
  );
});
