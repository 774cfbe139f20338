import type { PoolId } from "@wanhui/core";
import type { CtlMessage, PrizeView } from "@wanhui/protocol";
import type { ClaimTerms } from "../awards/mod.ts";
import type { DurableBatch, ListenerMemory } from "../engine/mod.ts";
import {
  type Board,
  type BoardMemory,
  type BoardParts,
  createBoard,
  type Run,
  type SealedWindow,
} from "../shows/mod.ts";

/**
 * The board of the night that runs, and those of earlier runs: their sealed windows are still drawn, however late, and
 * their prizes can still be claimed.
 */
export type Boards = {
  readonly current: Board;
  /** Takes a batch into every board; only the current run's messages are anybody's news. */
  fold(batch: DurableBatch): CtlMessage[];
  /** What a snapshot keeps of them (JR14). */
  readonly memory: ListenerMemory;
  prize(pool: string): PrizeView | null;
  /** What the show file says of a pool's claims. */
  terms(pool: string): ClaimTerms | null;
  sealedUndrawn(): SealedWindow[];
  watch(listener: () => void): () => void;
};

type Saved = ReadonlyMap<string, BoardMemory>;

/** Makes the boards. @param runs every run there is, the current one among them */
export function createBoards(options: {
  readonly runs: readonly Run[];
  readonly current: Run;
  readonly parts: Omit<BoardParts, "run">;
}): Boards {
  const boards = options.runs.map((run) => createBoard({ ...options.parts, run }));
  const current = boards.find((board) => board.run.run === options.current.run);
  if (current === undefined) throw new Error("The current run is not among the runs");
  return {
    current,
    fold(batch) {
      let news: CtlMessage[] = [];
      for (const board of boards) {
        const messages = board.fold(batch);
        if (board === current) news = messages;
      }
      return news;
    },
    memory: {
      name: "boards",
      save: (): Saved => new Map(boards.map((board) => [board.run.run, board.save()])),
      // A run that began behind the snapshot has said nothing in it.
      load: (saved) => {
        for (const board of boards) {
          const memory = (saved as Saved).get(board.run.run);
          if (memory !== undefined) board.load(memory);
        }
      },
    },
    prize(pool) {
      for (const board of boards) {
        const prize = board.prize(pool as PoolId);
        if (prize !== null) return prize;
      }
      return null;
    },
    terms(pool) {
      for (const board of boards) {
        const definition = board.poolDefinition(pool as PoolId);
        if (definition !== null) return definition.claim;
      }
      return null;
    },
    sealedUndrawn: () => boards.flatMap((board) => board.sealedUndrawn()),
    watch(listener) {
      const unwatch = boards.map((board) => board.watch(listener));
      return () => {
        for (const end of unwatch) end();
      };
    },
  };
}
