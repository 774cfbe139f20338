import type { Engine, Materialiser } from "../engine/mod.ts";
import type { Health } from "../http/mod.ts";

/** What `/health` says: a balancer sends people here only while every shard answers and the line to SQL moves. */
export function healthOf(parts: {
  readonly engine: Pick<Engine, "status">;
  readonly materialiser: Pick<Materialiser, "status">;
}): Health {
  const { engine, materialiser } = parts;
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
