import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Keepsakes } from "./heard.ts";
import { type ClientStorage, heardNdjson } from "./mod.ts";

describe("what is kept", () => {
  const seal = (n: number, draw = "run/r1") => ({
    t: "seal" as const,
    draw,
    window: n,
    header: { n },
    hash: `hash-${n}`,
    signature: "",
    entries: 0,
    resultAtMs: 0,
  });

  /** A browser's storage, with room for so many characters. */
  const shelf = (charactersMax = Number.POSITIVE_INFINITY) => {
    const items = new Map<string, string>();
    const used = () => [...items].reduce((sum, [key, value]) => sum + key.length + value.length, 0);
    const storage: ClientStorage = {
      getItem: (key) => items.get(key) ?? null,
      setItem(key, value) {
        const before = (items.get(key) ?? "").length;
        if (used() - before + value.length > charactersMax) throw new Error("QuotaExceededError");
        items.set(key, value);
      },
      removeItem: (key) => void items.delete(key),
    };
    return { storage, items, used };
  };
  const DAY_MS = 86_400_000;
  const endsAtMs = 1_000_000;
  const linesOf = (storage: ClientStorage) =>
    heardNdjson(storage)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));

  it("[WR14] [VF2] headers heard are lines for the verifier; the first time they were heard counts", () => {
    const { storage } = shelf();
    const kept = new Keepsakes(storage);
    expect(kept.keep(seal(0), { heardAtMs: 111, endsAtMs })).toBe(true);
    kept.keep(seal(1), { heardAtMs: 222, endsAtMs });
    expect(kept.keep(seal(0), { heardAtMs: 999, endsAtMs })).toBe(false);
    // Another page of the same browser hears the same.
    expect(new Keepsakes(storage).keep(seal(1), { heardAtMs: 999, endsAtMs })).toBe(false);
    kept.keep(seal(5, "run/r2"), { heardAtMs: 333, endsAtMs });
    const record = { reason: "rain" };
    const stop = { t: "chain" as const, draw: "run/r1", record, hash: "stop", signature: "s" };
    kept.keep(stop, { heardAtMs: 444, endsAtMs });
    expect(kept).toMatchObject({ count: 4, lasting: true });
    expect(linesOf(storage)).toEqual([
      { record: { n: 0 }, hash: "hash-0", signature: "", heardAtMs: 111 },
      { record: { n: 1 }, hash: "hash-1", signature: "", heardAtMs: 222 },
      { record: { n: 5 }, hash: "hash-5", signature: "", heardAtMs: 333 },
      { record: { reason: "rain" }, hash: "stop", signature: "s", heardAtMs: 444 },
    ]);
  });

  it("[WR14] what is read back is what was heard, whatever the records are and in whatever order they came", () => {
    const record = fc.dictionary(
      fc.constantFrom("version", "window", "previousHash", "parts", "round"),
      fc.oneof(fc.constantFrom("h0", "h1", "h2"), fc.nat(3), fc.constant(null), fc.array(fc.nat(2))),
    );
    const message = fc.record({ record, window: fc.nat(70), isSeal: fc.boolean() });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 30 }), (messages) => {
        const { storage } = shelf();
        const kept = new Keepsakes(storage);
        messages.forEach(({ record, window, isSeal }, n) => {
          const signed = { draw: "run/r1", hash: `h${n}`, signature: `s${n}` };
          const said = isSeal
            ? { ...seal(window), ...signed, header: record }
            : { t: "chain" as const, record, ...signed };
          kept.keep(said, { heardAtMs: n, endsAtMs });
        });
        expect(linesOf(storage)).toEqual(
          messages.map(({ record }, n) => ({ record, hash: `h${n}`, signature: `s${n}`, heardAtMs: n })),
        );
      }),
    );
  });

  it("[WR14] every header of a night of 4,000 windows is kept, in less than half of what a page has", () => {
    const { storage, used } = shelf(5_000_000);
    const kept = new Keepsakes(storage);
    const hex = (n: number, length: number) => n.toString(16).padStart(length, "0");
    for (let n = 0; n < 4_000; n += 1) {
      const draw = `spring-gala-1/round-${Math.floor(n / 1_000)}`;
      const window = n % 1_000;
      const header = {
        version: "wanhui/seal/1",
        draw,
        window,
        armHash: hex(7, 64),
        previousHash: hex(n - (window === 0 ? 9 : 1), 64),
        round: 20_000_000 + n,
        units: 3,
        parts: [{ count: 5_000 + n, root: hex(n * 7, 64) }],
        sealedAtMs: 1_790_000_000_000 + n * 3_000,
        newestRoundSeen: 20_000_000 + n - 1,
      };
      const said = { ...seal(window, draw), header, hash: hex(n, 64), signature: hex(n * 11, 128) };
      kept.keep(said, { heardAtMs: 1_790_000_000_000 + n * 3_000, endsAtMs });
    }
    expect(kept).toMatchObject({ count: 4_000, lasting: true });
    const lines = linesOf(storage);
    expect(lines).toHaveLength(4_000);
    expect(lines[1_234].record).toMatchObject({ window: 234, previousHash: hex(1_233, 64), units: 3 });
    expect(used()).toBeLessThan(2_500_000);
  });

  it("[WR14] what belongs to a show is forgotten 30 days after its end, nonces too; the rest stays", () => {
    const { storage, items } = shelf();
    const kept = new Keepsakes(storage);
    for (let n = 0; n < 70; n += 1) kept.keep(seal(n, "old/r1"), { heardAtMs: n, endsAtMs });
    kept.nonceOf("old/r1", endsAtMs);
    kept.nonceOf("old/untouched", endsAtMs);
    kept.keep(seal(0, "new/r1"), { heardAtMs: 1, endsAtMs: endsAtMs + 1 });
    const nonce = kept.nonceOf("new/r1", endsAtMs + 1);
    kept.forgetOld(endsAtMs + 30 * DAY_MS);
    expect(kept.count).toBe(71);
    kept.forgetOld(endsAtMs + 30 * DAY_MS + 1);
    expect(kept.count).toBe(1);
    expect(kept.nonceOf("new/r1", endsAtMs + 1)).toBe(nonce);
    expect([...items.keys()].filter((key) => key.includes("old/"))).toEqual([]);
  });

  it("[WR14] a storage that is full says so and loses nothing while the page lasts; none at all says so at once", () => {
    const { storage } = shelf(2_000);
    const kept = new Keepsakes(storage);
    const nonce = kept.nonceOf("run/r1", endsAtMs);
    let heard = 0;
    for (; kept.lasting && heard < 100; heard += 1) kept.keep(seal(heard), { heardAtMs: heard, endsAtMs });
    expect(heard).toBeGreaterThan(5);
    expect(heard).toBeLessThan(100);
    for (let n = 0; n < 10; n += 1) kept.keep(seal(heard + n), { heardAtMs: heard + n, endsAtMs });
    expect(kept.count).toBe(heard + 10);
    expect(kept.ndjson().trimEnd().split("\n")).toHaveLength(heard + 10);
    expect(kept.nonceOf("run/r1", endsAtMs)).toBe(nonce);
    const none = new Keepsakes(null);
    none.keep(seal(0), { heardAtMs: 1, endsAtMs });
    expect(none).toMatchObject({ count: 1, lasting: false });
  });
});
