import type { HealthPart, HealthView } from "@wanhui/protocol";
import type { Engine, Materialiser } from "../engine/mod.ts";
import type { Health } from "../http/mod.ts";
import type { Board } from "../shows/mod.ts";
import type { DatabaseWatch } from "./database-watch.ts";

/** A beacon is a few seconds late now and then; past this a window's result is missed on the screen. */
const BEACON_LATE_MS = 15_000;

export type HealthParts = {
  readonly engine: Pick<Engine, "status">;
  readonly materialiser: Pick<Materialiser, "status">;
  readonly databaseWatch: Pick<DatabaseWatch, "now">;
  readonly board: Pick<Board, "sealedUndrawn">;
  readonly nowMs: () => number;
};

/** How the server is (JR13): the one place that says so, for the studio with reasons, for `/health` in short. */
export function healthOf(parts: HealthParts): HealthView {
  const reasons: readonly (readonly [HealthPart, string | null])[] = [
    ["engine", engineTrouble(parts.engine, ({ reason }) => (reason === null ? "" : `: ${reason}`))],
    ["materialiser", parts.materialiser.status().stopped],
    ["database", parts.databaseWatch.now()],
    ["beacon", beaconTrouble(parts)],
  ];
  const all = reasons.map(([name, reason]) => ({ name, ok: reason === null, reason }));
  return { ok: all.every(({ ok }) => ok), parts: all };
}

/**
 * What `/health` says: a balancer sends people here only while every shard answers, the database does and the line to
 * SQL moves. A late beacon is no reason to send them away. Anybody may read it, so that reasons of bugs stay out.
 */
export function publicHealthOf(parts: HealthParts): Health {
  const { parts: all } = healthOf(parts);
  const short = (name: HealthPart, reason: string) => {
    if (name === "engine") return engineTrouble(parts.engine, () => "") ?? "running";
    return name === "database" ? "does not answer" : reason;
  };
  return {
    ok: all.every(({ name, ok }) => ok || name === "beacon"),
    parts: Object.fromEntries(
      all.map(({ name, reason }) => [name, reason === null ? "running" : short(name, reason)]),
    ),
  };
}

type Shard = ReturnType<Engine["status"]>["shards"][number];

function engineTrouble(engine: Pick<Engine, "status">, more: (shard: Shard) => string): string | null {
  const ill = engine.status().shards.filter(({ state }) => state !== "running");
  const lines = ill.map((shard) => `shard ${shard.shard} ${shard.state}${more(shard)}`);
  return lines.length === 0 ? null : lines.join(", ");
}

function beaconTrouble({ board, nowMs }: HealthParts): string | null {
  const now = nowMs();
  const late = board.sealedUndrawn().filter(({ dueAtMs }) => now - dueAtMs > BEACON_LATE_MS);
  const first = late[0];
  if (first === undefined) return null;
  const seconds = Math.floor((now - first.dueAtMs) / 1_000);
  return `window ${first.window} of ${first.draw} waits for its beacon, due ${seconds} s ago`;
}
