/** Where and why something was refused. `line` counts from 1 as editors do; 0 when no line of the file is at fault. */
export type Failure = {
  readonly line: number;
  /** Dotted path in the line's JSON, e.g. `body.header.units`. */
  readonly field: string;
  /** Number of the broken rule in docs/spec, e.g. `DR14`. */
  readonly rule: string;
  readonly message: string;
};

/** How much a draw's seed can be trusted (PF3): a local key, a public beacon, or that and a witness of every seal. */
export type Level = "dev" | "beacon" | "beacon+witness";

/** What became of one receipt: `found` under its window's root; `missing` proves cheating (RC2). */
export type ReceiptVerdict = {
  readonly draw: string;
  readonly window: number;
  readonly userKey: string;
  readonly status: "found" | "missing" | "not yet sealed" | "not valid";
  /** The window under whose root the key stands or should stand; null before that is known. */
  readonly sealedWindow: number | null;
  /** Whether the key won there; null before it is drawn. */
  readonly won: boolean | null;
  readonly reason: string;
};

/** What became of one header or record the checker heard himself. */
export type HeardVerdict = {
  readonly hash: string;
  readonly status: "matches" | "differs" | "not yet in the file" | "not valid" | "late";
  readonly reason: string;
};

/** Sums over the whole file. */
export type Counts = {
  readonly lines: number;
  readonly bytes: number;
  readonly windowsSealed: number;
  readonly windowsDrawn: number;
  readonly windowsSkipped: number;
  readonly entries: number;
  /** Units of the effective schedule, fixed at arming. */
  readonly units: number;
  readonly winners: number;
  readonly forfeits: number;
  readonly witnessSignatures: number;
};

/**
 * VF2: why a file shows, or does not show, that it was sealed before the seed; stable, for programs and other languages.
 * - `dev_beacon`: whoever holds the beacon's key knows every seed beforehand, so nobody's signature helps (FA4)
 * - `nothing_drawn`: no window is drawn yet
 * - `uncovered`: `windowsUncovered` drawn windows were heard in time by no witness, and not by the checker
 * - `covered`: each drawn window was
 * - `rejected`: of a wrong file nothing is said
 */
export type SealedCode = "dev_beacon" | "nothing_drawn" | "uncovered" | "covered" | "rejected";

/** What checking a proof came to. */
export type Verdict = {
  /** Nothing is wrong: neither in the file, nor between the file and what the checker brought. */
  readonly accepted: boolean;
  /** VF1: everything that can be recomputed from the file alone is right. */
  readonly consistent: boolean;
  /** VF2: whether it is shown that every drawn window was sealed before its seed existed. */
  readonly sealedBeforeSeed: "yes" | "not shown";
  readonly sealedCode: SealedCode;
  /** The same in one English sentence. */
  readonly sealedReason: string;
  /** Drawn windows that nothing covers (VF2). */
  readonly windowsUncovered: number;
  /** Null when the file was refused before its arm record. */
  readonly level: Level | null;
  readonly draw: string | null;
  readonly show: string | null;
  readonly run: string | null;
  readonly title: string | null;
  /** Whether the draw is over: its close record stands in the file (PF4). */
  readonly final: boolean;
  readonly counts: Counts;
  readonly receipts: readonly ReceiptVerdict[];
  readonly heard: readonly HeardVerdict[];
  /** The first failure; null when accepted. */
  readonly failure: Failure | null;
};

/** Thrown inside this package where a rule is broken, and turned into a `Failure` at its door. */
export class Rejected extends Error {
  readonly rule: string;
  readonly field: string;
  /** Set when the line at fault is not the one being read. */
  readonly line: number | undefined;

  constructor(rule: string, field: string, message: string, line?: number) {
    super(message);
    this.name = "Rejected";
    this.rule = rule;
    this.field = field;
    this.line = line;
  }
}

/** Refuses unless the condition holds. */
export function demand(holds: boolean, rule: string, field: string, message: string): asserts holds {
  if (!holds) throw new Rejected(rule, field, message);
}
