import { benchShow, couponPool, goodsPool, rainCue, text } from "./bench-show.ts";

/** Rounds that are open at the same time: more of them than a phone sends frames in a window, so that each is an entry. */
const ROUNDS = 30;
/** More than any measurement takes. */
const UNITS = 1_000_000;

/** A show of many rounds at once, each over a pool of its own, and a rain that is open from the beginning. */
export function tapShow(): string {
  const numbers = Array.from({ length: ROUNDS }, (_, n) => n);
  const rounds = numbers.map(
    (n) =>
      `  - { at: +31s, round: r${n}, title: ${text(`r${n}`)}, pool: p${n}, perUser: 100, schedule: { lasts: 480s, units: 20 } }`,
  );
  const pools = numbers.map((n) => couponPool(`p${n}`, { units: 100, perUser: "none" }));
  return benchShow({ ends: "10m", pools: [...pools, goodsPool(UNITS)], cues: [rainCue("9m"), ...rounds] });
}
