import type { DrawId, Event } from "@wanhui/core";
import type { Level, ProofStory, WitnessSignature } from "./proof-story.ts";

/** The level of a draw, when it may be another than before. */
export type LevelNews = {
  readonly draw: DrawId;
  readonly level: Level;
  /** Learned from a replayed batch: nobody's news. */
  readonly replay: boolean;
};

/** Says how far the seeds of each draw can be trusted as the night goes on (PF3). */
export type WitnessLevels = {
  /** Takes a signature that was accepted; the first of a witness over a seal stays (WT1). */
  heard(draw: DrawId, signature: WitnessSignature): void;
  /** Takes a durable batch that the proofs' stories have taken: each result is one more window to be witnessed. */
  onBatch(batch: { readonly events: readonly Event[]; readonly replay: boolean }): void;
  /** Says every level again, as nobody's news: the stories were not told but recalled (JR14). */
  recalled(): void;
};

/**
 * Keeps every accepted signature in memory, so that a level is known in the moment a window is drawn: one without its
 * witness brings the draw back to `beacon` before anybody sees the result.
 */
export function createWitnessLevels(parts: {
  readonly story: (draw: DrawId) => Pick<ProofStory, "levelNow"> | undefined;
  /** Signatures kept in SQL from before this start. */
  readonly kept: ReadonlyMap<DrawId, readonly WitnessSignature[]>;
  readonly tell: (news: LevelNews) => void;
}): WitnessLevels {
  const signatures = new Map([...parts.kept].map(([draw, list]) => [draw, [...list]]));
  const tell = (draw: DrawId, replay: boolean) => {
    const story = parts.story(draw);
    if (story === undefined) return;
    parts.tell({ draw, level: story.levelNow(signatures.get(draw) ?? []), replay });
  };
  return {
    heard(draw, signature) {
      const list = signatures.get(draw) ?? [];
      signatures.set(draw, list);
      const { publicKey, sealHash } = signature;
      if (list.some((one) => one.publicKey === publicKey && one.sealHash === sealHash)) return;
      list.push(signature);
      tell(draw, false);
    },
    recalled() {
      for (const draw of signatures.keys()) tell(draw, true);
    },
    onBatch({ events, replay }) {
      for (const event of events) if (event.type === "window.drawn") tell(event.draw, replay);
    },
  };
}
