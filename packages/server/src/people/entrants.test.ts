import type { UserId } from "@wanhui/core";
import { describe, expect, it } from "vitest";
import { createEntrants } from "./entrants.ts";

const at = (user: number, device: string) => ({ userId: `01${user}` as UserId, device });

describe("people of one device", () => {
  it("[AB10] five enter a draw, the sixth does not, and the five go on; another draw and device begin anew", () => {
    const entrants = createEntrants();
    const five = [1, 2, 3, 4, 5].map((user) => at(user, "d"));
    expect(five.map((each) => entrants.mayEnter(each, "x"))).toEqual([true, true, true, true, true]);
    expect(entrants.mayEnter(at(6, "d"), "x")).toBe(false);
    // New sessions of the same five: another socket, another request.
    expect([1, 2, 3, 4, 5].every((user) => entrants.mayEnter(at(user, "d"), "x"))).toBe(true);
    expect(five.every((each) => entrants.mayEnter(each, "x"))).toBe(true);
    expect(entrants.mayEnter(at(6, "d"), "y")).toBe(true);
    expect(entrants.mayEnter(at(6, "e"), "x")).toBe(true);
  });

  it("[AB10] what is remembered is bounded: the device untouched for longest is forgotten first", () => {
    const entrants = createEntrants({ devicesMax: 2 });
    for (let user = 1; user <= 5; user += 1) entrants.mayEnter(at(user, "d"), "x");
    entrants.mayEnter(at(1, "e"), "x");
    expect(entrants.mayEnter(at(6, "d"), "x")).toBe(false);
    entrants.mayEnter(at(1, "d"), "x");
    entrants.mayEnter(at(1, "f"), "x");
    expect(entrants.mayEnter(at(6, "d"), "x")).toBe(false);
    entrants.mayEnter(at(1, "g"), "x");
    entrants.mayEnter(at(1, "h"), "x");
    expect(entrants.mayEnter(at(6, "d"), "x")).toBe(true);
  });
});
