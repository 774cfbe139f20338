import type { Health } from "../http/mod.ts";
import type { EngineRoom } from "./engine-room.ts";

/** What `/health` says: a balancer sends people here only while every shard answers and the line to SQL moves. */
export function healthOf({ engine, materialiser }: Pick<EngineRoom, "engine" | "materialiser">): Health {
  const ill = engine.status().shards.filter(({ state }) => state !== "running");
  const { stopped } = materialiser.status();
  return {
    ok: ill.length === 0 && stopped === null,
    parts: {
      engine:
        ill.length === 0 ? "running" : ill.map(({ shard, state }) => `shard ${shard} ${state}`).join(", "),
      materialiser: stopped ?? "running",
    },
  };
}
