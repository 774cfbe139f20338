import { type AwardId, awardView, type Command } from "@wanhui/core";
import type { AwardAction, PrizeView, StudioAwardView } from "@wanhui/protocol";
import type { AwardPlace, AwardRecord, Awards } from "../awards/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { Pseudonyms } from "../people/mod.ts";
import type { AwardActResult, StudioAwards } from "../shows/mod.ts";

type Parts = {
  readonly awards: Pick<Awards, "find" | "newest">;
  readonly engine: Pick<Engine, "submit" | "state" | "shardOfAward">;
  readonly prize: (pool: string) => PrizeView | null;
  readonly pseudonyms: Pick<Pseudonyms, "winner">;
};

/** Awards as staff see them: the winner under a pseudonym, and nothing of what the claim made of it (AW6). */
export function createStudioAwards(parts: Parts): StudioAwards {
  const viewOf = (record: AwardRecord): StudioAwardView => {
    const { awardId, pool, draw, window, wonAtMs, state, claimByMs, reason } = record;
    const title = parts.prize(pool)?.title ?? null;
    const winner = parts.pseudonyms.winner(record);
    const actions = actionsOn(parts.engine, record);
    return { awardId, pool, title, draw, window, winner, wonAtMs, state, claimByMs, reason, actions };
  };
  const find = async (awardId: AwardId) => {
    const record = await parts.awards.find(awardId);
    return record === null ? null : viewOf(record);
  };
  const act = async (
    command: Extract<Command, { type: "award.forfeit" | "award.extend" }>,
  ): Promise<AwardActResult> => {
    const answer = await parts.engine.submit(command);
    if (!answer.ok) return { ok: false, code: answer.code };
    const award = await find(command.awardId);
    return award === null ? { ok: false, code: "award.unknown" } : { ok: true, award };
  };
  return {
    async list({ state, before }) {
      const page = await parts.awards.newest({ state, before: before === null ? null : placeOf(before) });
      return { awards: page.awards.map(viewOf), next: page.next === null ? null : cursorOf(page.next) };
    },
    find,
    forfeit: ({ awardId, reason }) => act({ type: "award.forfeit", awardId, reason }),
    extend: ({ awardId, claimByMs }) => act({ type: "award.extend", awardId, claimByMs }),
  };
}

/** A held award can be forfeited, and extended if nobody did yet: the shard alone knows that. */
function actionsOn(engine: Parts["engine"], { awardId, state }: AwardRecord): AwardAction[] {
  if (state !== "held") return [];
  const shard = engine.shardOfAward(awardId as AwardId);
  const known = shard === null ? null : awardView(engine.state(shard), awardId as AwardId);
  return known?.extended === false ? ["extend", "forfeit"] : ["forfeit"];
}

const cursorOf = ({ wonAtMs, awardId }: AwardPlace) => `${wonAtMs}-${awardId}`;

/** The route let only well-formed cursors in. */
function placeOf(cursor: string): AwardPlace {
  const [wonAtMs = "", awardId = ""] = cursor.split("-");
  return { wonAtMs: Number(wonAtMs), awardId };
}
