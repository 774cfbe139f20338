import { benchShow, couponPool, goodsPool, rainCue, text } from "./bench-show.ts";

/** Rounds that are open at the same time: more of them than a phone sends frames in a window, so that each is an entry. */
const ROUNDS = 30;
/** More than any measurement takes. */
const UNITS = 1_000_000;
/** Until the show ends behind the last window. */
const AFTER_SECONDS = 90;

/**
 * A show of many rounds at once, each over a pool of its own, and a rain that is open from the beginning.
 *
 * @param options.lastsSeconds of the rounds; a whole number of windows, at most a thousand
 */
export function tapShow(options: { readonly rounds?: number; readonly lastsSeconds?: number } = {}): string {
  const { rounds = ROUNDS, lastsSeconds = 480 } = options;
  const numbers = Array.from({ length: rounds }, (_, n) => n);
  const cues = numbers.map(
    (n) =>
      `  - { at: +31s, round: r${n}, title: ${text(`r${n}`)}, pool: p${n}, perUser: 100, schedule: { lasts: ${lastsSeconds}s, units: 20 } }`,
  );
  const pools = numbers.map((n) => couponPool(`p${n}`, { units: 100, perUser: "none" }));
  const ends = `${31 + lastsSeconds + AFTER_SECONDS}s`;
  const rain = rainCue(`${lastsSeconds + 60}s`);
  return benchShow({ ends, pools: [...pools, goodsPool(UNITS)], cues: [rain, ...cues] });
}
