import { expect, test } from "vitest";
import { addressFaults, COUNTRIES, emptyAddress, fieldOrder, isContact, isPhone } from "./address.ts";

const home = {
  ...emptyAddress("CN"),
  name: "王小明",
  phone: "138 0013 8000",
  region: "江西省",
  city: "景德镇市珠山区",
  line1: "珠山大道 1 号",
};

test("an address is checked at the field, the way its country writes it", () => {
  expect(addressFaults(home)).toEqual({});
  expect(addressFaults({ ...home, name: " ", phone: "abc", postcode: "12" })).toEqual({
    name: "required",
    phone: "badPhone",
    postcode: "badPostcode",
  });
  const us = { ...home, country: "US", region: "NY", city: "New York", line1: "1 Main St" };
  expect(addressFaults({ ...us, postcode: "" })).toEqual({ postcode: "required" });
  expect(addressFaults({ ...us, postcode: "10001-1234" })).toEqual({});
  expect(addressFaults({ ...home, line1: "x".repeat(121) })).toEqual({ line1: "tooLong" });
});

test("large to small in China, small to large in America; every country has every field once", () => {
  expect(fieldOrder("CN").indexOf("region")).toBeLessThan(fieldOrder("CN").indexOf("line1"));
  expect(fieldOrder("US").indexOf("line1")).toBeLessThan(fieldOrder("US").indexOf("city"));
  for (const country of COUNTRIES) expect(new Set(fieldOrder(country)).size).toBe(7);
});

test("phones and mailboxes as people write them", () => {
  expect(["+86 138-0013-8000", "(020) 7946 0958"].every(isPhone)).toBe(true);
  expect(["12345", "+", "1".repeat(16), "call me"].some(isPhone)).toBe(false);
  expect(isContact("a@b.example") && isContact("13800138000")).toBe(true);
  expect(isContact("a@b") || isContact("nobody")).toBe(false);
});
