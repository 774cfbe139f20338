import type { Address } from "@wanhui/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maskAddress, maskContact, readAddress } from "./address.ts";

const cn: Address = {
  name: "王小明",
  phone: "13800138000",
  country: "CN",
  region: "北京市",
  city: "北京市",
  line1: "建国路88号院1号楼",
  line2: "",
  postcode: "100022",
};
const us: Address = {
  ...cn,
  name: "Ada Lovelace",
  phone: "+12125550123",
  country: "US",
  region: "NY",
  city: "New York",
  line1: "1 Main St",
  postcode: "10001",
};
const gb: Address = { ...us, country: "GB", region: "", city: "London", postcode: "SW1A 1AA" };
const de: Address = { ...us, country: "DE", region: "", city: "Köln", line1: "Domkloster 4", postcode: "" };

const said = (input: unknown) => {
  const read = readAddress(input);
  return read.ok ? "fine" : `${read.field}: ${read.rule}`;
};

describe("[CL5] the least each country's post needs", () => {
  test("good addresses pass, trimmed and normalised", () => {
    for (const address of [cn, us, gb, de]) expect(readAddress(address)).toEqual({ ok: true, address });
    const written = { ...us, phone: " +1 (212) 555-0123 ", region: "ny", name: "  Ada Lovelace " };
    expect(readAddress(written)).toEqual({ ok: true, address: us });
    const { line2, postcode, ...least } = cn;
    expect(readAddress(least)).toEqual({ ok: true, address: { ...cn, line2: "", postcode: "" } });
    expect(readAddress({ ...cn, phone: "010-6500 1234" }).ok).toBe(true);
    expect(readAddress({ ...cn, phone: "+86 138 0013 8000" }).ok).toBe(true);
  });

  test.each([
    [{ ...cn, phone: "12345678901" }, "phone"],
    [{ ...cn, region: "" }, "region"],
    [{ ...cn, postcode: "10002" }, "postcode"],
    [{ ...us, region: "Quebec" }, "region"],
    [{ ...us, postcode: "1000" }, "postcode"],
    [{ ...gb, postcode: "10001" }, "postcode"],
    [{ ...de, city: "" }, "city"],
    [{ ...de, country: "de" }, "country"],
    [{ ...de, country: "" }, "country"],
    [{ ...cn, country: "constructor" }, "country"],
    [{ ...cn, name: "" }, "name"],
    [{ ...cn, name: "x".repeat(65) }, "name"],
    [{ ...cn, line1: "a\u0000b" }, "line1"],
    [{ ...cn, line1: "right\u202Eleft" }, "line1"],
    [{ ...cn, phone: 13800138000 }, "phone"],
  ])("a bad field is named (%#)", (input, field) => {
    const read = readAddress(input);
    expect(read.ok ? "passed" : read.field).toBe(field);
  });

  test("every refusal says what to do in words", () => {
    expect(said({ ...us, region: "Quebec" })).toBe(
      "region: region must be a state's two letters, such as NY",
    );
    expect(said({ ...gb, postcode: "" })).toMatch(/^postcode: postcode must/);
  });

  test("anything at all is read or refused with a field, never thrown", () => {
    const anything = fc.oneof(
      fc.anything(),
      fc.record({ country: fc.constantFrom("CN", "US", "GB", "FR", 7) }),
    );
    fc.assert(
      fc.property(anything, (input) => {
        const read = readAddress(input);
        expect(read.ok || read.field.length > 0).toBe(true);
      }),
    );
  });

  test("what was read is read again as the same", () => {
    fc.assert(
      fc.property(fc.constantFrom(cn, us, gb, de), fc.string({ maxLength: 20 }), (address, name) => {
        const once = readAddress({ ...address, name });
        if (once.ok) expect(readAddress(once.address)).toEqual(once);
      }),
    );
  });
});

test("[CL6] on the screen an address is shortened", () => {
  expect(maskAddress(cn)).toBe("王***, 建国路8***, 北京市");
  expect(maskContact("13800138000")).toBe("138****8000");
  expect(maskContact("someone@example.com")).toBe("s***@example.com");
  expect(maskContact("12345")).toBe("****45");
});
