// What a measurement says: rows against a peer, and rows against a bound of our own.

/** Ours beside somebody else's, measured in one interleaved run. */
export type PeerRow = {
  readonly work: string;
  readonly unit: string;
  /** Median over the rounds. */
  readonly ours: number;
  /** Median over the rounds. */
  readonly peer: number;
  readonly peerName: string;
  /** Median of the rounds' own ratios, ours / peer: more is better. */
  readonly ratio: number;
  /** Lowest and highest ratio of a round. */
  readonly spread: readonly [number, number];
  /** What each side promises once it has answered: speed means nothing without it. */
  readonly guarantee: string;
};

/** What a figure is held to: at most or at least one number, as the row means it, or between two. */
export type Bound = number | readonly [least: number, most: number];

/** Ours against a number we hold ourselves to; `bound` null is a figure without one. */
export type BoundRow = {
  readonly work: string;
  readonly unit: string;
  readonly ours: number;
  readonly bound: Bound | null;
  readonly ok: boolean;
  /** Lowest and highest of the rounds. */
  readonly spread?: readonly [number, number];
  readonly note?: string;
};

export type BenchRow = PeerRow | BoundRow;

/** Middle of some numbers; of an even count the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2;
}

/** Lowest and highest. */
export function spreadOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

/** Whether a figure lies between two; one that is no number does not. */
export function isBetween(value: number, [least, most]: readonly [number, number]): boolean {
  return value >= least && value <= most;
}

/** Pairs the rounds of two sides that ran by turns. */
export function peerRow(input: {
  work: string;
  unit: string;
  peerName: string;
  guarantee: string;
  ours: readonly number[];
  peer: readonly number[];
}): PeerRow {
  const { ours, peer, ...rest } = input;
  const ratios = ours.map((value, round) => value / (peer[round] ?? Number.NaN));
  return { ...rest, ours: median(ours), peer: median(peer), ratio: median(ratios), spread: spreadOf(ratios) };
}

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = (value: number) => (value >= 100 ? number.format(value) : value.toFixed(2));

const boundInWords = (bound: Bound) =>
  typeof bound === "number" ? short(bound) : `${short(bound[0])} to ${short(bound[1])}`;

/** A row as cells: work, ours, against what, how it compares, and what to know about it. */
export function cellsOf(row: BenchRow): string[] {
  if ("peer" in row) {
    const compares = `${row.ratio.toFixed(2)}x (${row.spread[0].toFixed(2)}-${row.spread[1].toFixed(2)})`;
    const peer = `${row.peerName} ${short(row.peer)}`;
    return [row.work, `${short(row.ours)} ${row.unit}`, peer, compares, row.guarantee];
  }
  const [low, high] = row.spread ?? [row.ours, row.ours];
  const spread = low === high ? "" : ` (${short(low)}-${short(high)})`;
  const verdict = row.bound === null ? "" : row.ok ? "ok" : "SHORT";
  const bound = row.bound === null ? "" : `bound ${boundInWords(row.bound)}`;
  return [row.work, `${short(row.ours)} ${row.unit}${spread}`, bound, verdict, row.note ?? ""];
}

/** The table's head, for `cellsOf`. */
export const tableHead = ["WORK", "OURS", "AGAINST", "RESULT", "NOTE"];
