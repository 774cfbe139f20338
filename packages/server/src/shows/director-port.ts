import type { Answer, BeaconChain } from "@wanhui/core";
import type {
  ActView,
  Code,
  CtlMessage,
  CueAction,
  StudioCueView,
  StudioNumbers,
  StudioView,
} from "@wanhui/protocol";
import type { Engine, EngineCommand } from "../engine/mod.ts";
import type { Log, Service } from "../platform/mod.ts";
import type { Board } from "./board-port.ts";
import type { LeadTimes } from "./cue-rules.ts";
import type { CueDefinition } from "./definition.ts";
import type { Run } from "./run-plan.ts";
import type { CueStore } from "./run-store.ts";

/** Time as director and drawer see it: shard time, and waiting that an abort ends early without an error. */
export type ShowClock = {
  nowMs(): number;
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
};

/** The beacon a round is armed with. */
export type ChosenBeacon = {
  readonly chain: BeaconChain;
  readonly level: "dev" | "beacon";
  readonly name: string;
};

/** What a director is made of. */
export type DirectorParts = {
  readonly run: Run;
  readonly board: Board;
  readonly store: CueStore;
  readonly engine: { submit(command: EngineCommand): Promise<Answer> };
  readonly clock: ShowClock;
  /** Which beacon decides a round armed now. Faults are asked again while there is time. */
  readonly chooseBeacon: () => Promise<ChosenBeacon>;
  /** Puts messages on the room's `ctl` lane. */
  readonly publish: (messages: readonly CtlMessage[]) => void;
  readonly log: Log;
  readonly leads?: LeadTimes;
  /** Other processes that move cues of the same run; alone this one moves all. */
  readonly house?: DirectorsHouse;
};

/** How directors of several processes share a rundown (MP15): each cue is moved by one, changed by any. */
export type DirectorsHouse = {
  /** Whether this process moves a cue by the clock. */
  moves(cue: CueDefinition): boolean;
  /** Whether there are others now, whose changes have to be looked for. */
  isShared(): boolean;
  /** Called after each change of a cue that was stored. */
  changed(): void;
};

/** Who acts: `who` is a staff row's name or a user id. */
export type Actor = { readonly who: string; readonly role: "host" | "operator" };

/** An act was done, or why not (CU5). */
export type ActResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: Code; readonly field?: string; readonly rule?: string };

/** One act of a director on a cue. */
export type CueAct = {
  readonly cue: string;
  readonly action: CueAction;
  readonly by: Actor;
  readonly reason: string | null;
  /** For `rearm`: the new time; left out it is as soon as possible. */
  readonly opensAtMs?: number | undefined;
};

/** Runs the rundown of one run (CU1 to CU8). */
export type Director = Service & {
  /** Reads the cues and makes pools and draws; `run` does it when nobody did. Safe to call twice. */
  start(): Promise<void>;
  act(act: CueAct): Promise<ActResult>;
  /** Stops a round at its next unsealed window (DR13). */
  stopDraw(stop: { readonly draw: string; readonly by: Actor; readonly reason: string }): Promise<ActResult>;
  /** Records an act that is another capability's, such as a forfeit. */
  record(act: {
    readonly action: string;
    readonly target: string;
    readonly by: Actor;
    readonly reason: string | null;
  }): Promise<void>;
  /** Another process changed cues: reads them again. */
  lookAgain(): void;
  cues(): StudioCueView[];
  acts(before: number | null): Promise<ActView[]>;
  studio(at: {
    readonly show: StudioView["show"];
    readonly numbers: StudioNumbers;
  }): Promise<Omit<StudioView, "health">>;
};

/** The part of the engine the drawer needs. */
export type DrawerEngine = {
  submit(command: EngineCommand): Promise<Answer>;
} & Pick<Engine, "sawBeacon">;
