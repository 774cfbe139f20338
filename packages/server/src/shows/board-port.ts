import type { BeaconChain, DrawId, DrawRules, Hash, Hex, PoolId, Sha256 } from "@wanhui/core";
import type {
  Code,
  Counts,
  CtlMessage,
  CueView,
  PrizeView,
  RainView,
  RoundView,
  ShowView,
  StudioPoolView,
} from "@wanhui/protocol";
import type { DurableBatch } from "../engine/mod.ts";
import type { Session } from "../people/mod.ts";
import type { BookMemory, PoolMemory } from "./board-pool.ts";
import type { RoundLevel, RoundMemory, SealedWindow } from "./board-round.ts";
import type { CueFacts, CueRow } from "./cue-rules.ts";
import type { CueDefinition, PoolDefinition } from "./definition.ts";
import type { Run } from "./run-plan.ts";

/** What a board is made of. */
export type BoardParts = {
  readonly run: Run;
  /** Ed25519 public key that signs the records. */
  readonly showKey: string;
  readonly sha256: Sha256;
  /** Signs a record of a draw's chain (BY10) and gives the signature in hex; the same record, the same signature. */
  readonly sign: (record: Readonly<Record<string, unknown>>) => string;
  /** What a chain is worth: `beacon` for a known public one. */
  readonly levelOf: (beacon: BeaconChain) => "dev" | "beacon";
  /** What would decide a round armed now. */
  readonly beacon: () => { readonly level: "dev" | "beacon"; readonly name: string };
};

/** What the journal made of a board: rounds by draw, pools by id, where each award stands. */
export type BoardMemory = {
  readonly rounds: ReadonlyMap<DrawId, RoundMemory>;
  readonly pools: ReadonlyMap<string, PoolMemory>;
  readonly book: BookMemory;
  /** The phase last told of each round and rain. */
  readonly told: ReadonlyMap<string, string>;
};

/** Who may enter: the draw or pool to ask for, or why not. */
export type Admission<Target> =
  | ({ readonly ok: true } & Target)
  | { readonly ok: false; readonly code: Code };

/**
 * What everybody sees of a run: made from the definition, the durable events and the cues, and from nothing else
 * (CU9). It knows no socket and no database; `fold`, `tick` and `setCue` return what to put on the `ctl` lane.
 */
export type Board = {
  readonly run: Run;
  /** Takes a durable batch in; messages of a replayed one are nobody's news and are left out. */
  fold(batch: Pick<DurableBatch, "events" | "atMs" | "replay">): CtlMessage[];
  /** What the folded batches made of it, for a snapshot; shared with the board: copy it (JR14). */
  save(): BoardMemory;
  /** Begins from that instead of from the show file alone. */
  load(memory: BoardMemory): void;
  /** Tells of the phases that changed by time alone. Cheap; ask about every 100 ms. */
  tick(nowMs: number): CtlMessage[];
  /** The next moment at which `tick` may have something to tell; null for never. */
  nextChangeMs(nowMs: number): number | null;
  /** Takes a cue's state in. */
  setCue(row: CueRow, nowMs: number): CtlMessage[];
  /** A witness's signature lifts the level of a round. */
  setLevel(draw: DrawId, level: RoundLevel, nowMs: number): CtlMessage[];
  /** Counts taps for display, as told to the engine (DR19). */
  addTaps(draw: DrawId, count: number, atMs: number): void;
  view(at: {
    readonly stream: string;
    readonly offset: number;
    readonly nowMs: number;
    readonly viewers: number;
  }): ShowView;
  counts(viewers: number): Counts;
  /** Where every unit of every pool is, in the order of the show file (CU13). */
  pools(): StudioPoolView[];
  rates(nowMs: number): { readonly tapsPerSecond: number; readonly entriesPerSecond: number };
  cue(row: CueRow): CueView;
  /** What the journal says of the draw or grab a cue opens. */
  facts(cue: CueDefinition): CueFacts;
  prize(pool: PoolId): PrizeView | null;
  /** The definition behind a pool of this run: its claim settings. */
  poolDefinition(pool: PoolId): PoolDefinition | null;
  round(draw: DrawId, nowMs: number): RoundView | null;
  /** What a draw's id, or a rain's pool, stands for. */
  opening(id: string, nowMs: number): RoundView | RainView | null;
  /** May this person enter this round (CU10)? Says nothing of time: the shard answers that. */
  admit(entry: {
    readonly drawIndex: number;
    readonly session: Session;
  }): Admission<{ readonly draw: DrawId; readonly botCheck: boolean }>;
  /** The window of a round that takes entries now, by the server's clock; null for none. */
  openWindow(drawIndex: number, nowMs: number): number | null;
  /** May this person grab from this pool? */
  admitTake(take: {
    readonly pool: string;
    readonly session: Session;
  }): Admission<{ readonly pool: PoolId; readonly botCheck: boolean }>;
  /** Index of a draw in packed frames; null for one of another run. */
  drawIndexOf(draw: string): number | null;
  /** Hashes of the beacon chains that draws armed and not closed rest on. */
  liveChains(): ReadonlySet<Hex>;
  /** Windows that wait for their beacon; of one draw in window order. */
  sealedUndrawn(): SealedWindow[];
  /** Calls back after a durable event changed a round or opened a grab, for whoever waits for it. */
  watch(listener: () => void): () => void;
  /** Hash and rules of every draw, as planned. */
  rules(): readonly {
    readonly draw: DrawId;
    readonly rules: DrawRules;
    readonly rulesHash: Hash;
  }[];
};
