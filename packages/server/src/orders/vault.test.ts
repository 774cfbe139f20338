import fc from "fast-check";
import { expect, test } from "vitest";
import { createVault, spokenCode } from "./vault.ts";

const vault = createVault(Buffer.alloc(32, 1));

test("[CL6] what is sealed opens in its place and nowhere else", () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ maxLength: 20 }), (text, place) => {
      const sealed = vault.seal({ text }, place);
      expect(vault.open(sealed, place)).toEqual({ text });
      expect(() => vault.open(sealed, `${place}!`)).toThrow();
      expect(() => createVault(Buffer.alloc(32, 2)).open(sealed, place)).toThrow();
    }),
    { numRuns: 30 },
  );
});

test("[CL6] any flipped bit is noticed, and the same text never seals to the same bytes", () => {
  const sealed = vault.seal({ name: "王小明" }, "order/1");
  for (let at = 0; at < sealed.length; at += 1) {
    const forged = Buffer.from(sealed);
    forged[at] = (forged[at] ?? 0) ^ 1;
    expect(() => vault.open(forged, "order/1")).toThrow();
  }
  expect(vault.seal({ name: "王小明" }, "order/1").equals(sealed)).toBe(false);
  expect(sealed.includes(Buffer.from("王小明"))).toBe(false);
  expect(() => createVault(Buffer.alloc(16))).toThrow(/32 bytes/);
});

test("[CL7] codes are the same for ever, differ by award, use and secret, and can be read out", () => {
  const code = (award: string) => spokenCode(vault.derive("wanhui/coupon/1", award).subarray(0, 10), 16);
  expect(code("a")).toBe(code("a"));
  expect(code("a")).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  expect(code("a")).not.toBe(code("b"));
  expect(vault.derive("x", "a").equals(vault.derive("y", "a"))).toBe(false);
  expect(createVault(Buffer.alloc(32, 2)).derive("x", "a").equals(vault.derive("x", "a"))).toBe(false);
  // Crockford's base 32 by hand: 00001 00010 ... and all ones.
  expect(spokenCode(Uint8Array.of(0b00001000, 0b10000110, 0b01000010, 0b10011000, 0b11101000), 8)).toBe(
    "1234-5678",
  );
  expect(spokenCode(new Uint8Array(5).fill(255), 8)).toBe("ZZZZ-ZZZZ");
});
