import type { StudioAwardsView } from "@wanhui/protocol";
import { expect, test } from "vitest";
import { studioAward } from "../../e2e/fake/studio-scene.ts";
import { freshOf, takeNewest } from "./award-list.ts";

const page = (...numbers: number[]): StudioAwardsView => ({
  awards: numbers.map((number) => studioAward(number, 1_800_000_000_000)),
  next: null,
});
const first = { shown: null, newest: null, problem: null };

test("[AW6] rows on the screen never move: new awards are counted, known ones follow their state", () => {
  const shown = takeNewest(first, page(3, 2, 1));
  expect(shown.shown).toEqual(page(3, 2, 1));
  expect(freshOf(shown)).toBe(0);
  const [two] = page(2).awards;
  const posted = { ...(two as NonNullable<typeof two>), state: "posted" as const, actions: [] };
  const later = takeNewest(shown, { awards: [...page(5, 4, 3).awards, posted], next: null });
  expect(later.shown?.awards.map(({ awardId }) => awardId)).toEqual(
    page(3, 2, 1).awards.map(({ awardId }) => awardId),
  );
  expect(later.shown?.awards[1]).toEqual(posted);
  expect(freshOf(later)).toBe(2);
});

test("an empty screen shows what comes; awards of one moment are told apart by their ids", () => {
  const empty = takeNewest(first, page());
  expect(freshOf(empty)).toBe(0);
  const filled = takeNewest(empty, page(1));
  expect(filled.shown).toEqual(page(1));
  const [one] = page(1).awards;
  const twin = { ...(one as NonNullable<typeof one>), awardId: "ff".repeat(16) };
  expect(freshOf(takeNewest(filled, { awards: [twin, ...page(1).awards], next: null }))).toBe(1);
});
