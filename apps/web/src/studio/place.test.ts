import { expect, test } from "vitest";
import { hashOf, readPlace } from "./place.ts";

test("every view has an address that leads back to it; an unknown one is the rundown", () => {
  const award = "3f".repeat(16);
  for (const place of [
    { tab: "rundown", state: null, award: null },
    { tab: "pools", state: null, award: null },
    { tab: "awards", state: "held", award: null },
    { tab: "awards", state: "forfeited", award },
    { tab: "staff", state: null, award: null },
  ] as const) {
    expect(readPlace(hashOf(place))).toEqual(place);
  }
  for (const hash of ["", "#", "#tab=nowhere", "#pools", "#tab=awards%00"]) {
    expect(readPlace(hash)).toEqual({ tab: "rundown", state: null, award: null });
  }
  expect(readPlace("#tab=awards&state=lost&award=..%2F..")).toEqual({
    tab: "awards",
    state: null,
    award: null,
  });
});
