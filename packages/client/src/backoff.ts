const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/**
 * How long to wait before try number `tries` (1 is the first after a loss): uniform up to a bound that doubles, so that
 * a whole audience that was cut off at once comes back spread out.
 */
export function backoffMs(tries: number, random: () => number): number {
  return Math.round(random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries - 1, 10))) + 50;
}
