import { expect, test } from "vitest";
import { runSeed, seedsOfCi } from "./mod.ts";
import { playSeeds } from "./play-seeds.fixture.ts";

test("[SM2] [SM5] [SM6] [JR4] [JR6] [JR7] [JR9] seeded nights of one process with crashes, zombies and lost appends: every promise holds", async () => {
  const sometimes = await playSeeds("alone", seedsOfCi / 2);
  for (const what of [
    "append unknown and lost",
    "append unknown and still on its way",
    "append unknown but committed",
    "asked again",
    "award committing",
    "award expired",
    "award held",
    "award posted",
    "crash",
    "crash between seal and draw",
    "draw cancelled",
    "empty window",
    "engine.fenced",
    "engine.unknown",
    "extension window",
    "gap",
    "granted again",
    "late beacon",
    "leftovers promised",
    "stop",
    "waiting line",
    "zombie",
  ]) {
    expect(sometimes[what] ?? 0, what).toBeGreaterThan(3);
  }
}, 300_000);

// 1770: a raise of our own that came late made us the holder again behind a process that had written meanwhile.
test.each([1770, 5128, 1048, 1238, 3226, 9911])(
  "[JR7] seed %i, which once ended badly, holds",
  async (seed) => {
    expect((await runSeed(seed, { form: "alone" })).problems).toEqual([]);
  },
);
