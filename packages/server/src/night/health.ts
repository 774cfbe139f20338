import type { HealthPart, HealthView } from "@wanhui/protocol";
import type { Cluster } from "../cluster/mod.ts";
import type { Engine, Materialiser } from "../engine/mod.ts";
import type { Health } from "../http/mod.ts";
import type { Board } from "../shows/mod.ts";
import type { DatabaseWatch } from "./database-watch.ts";

/** A beacon is a few seconds late now and then; past this a window's result is missed on the screen. */
const BEACON_LATE_MS = 15_000;

export type HealthParts = {
  readonly engine: Pick<Engine, "status">;
  readonly cluster: Pick<Cluster, "status">;
  readonly materialiser: Pick<Materialiser, "status">;
  readonly databaseWatch: Pick<DatabaseWatch, "now">;
  readonly board: Pick<Board, "sealedUndrawn">;
  readonly nowMs: () => number;
};

/** How the server is (JR13): the one place that says so, for the studio with reasons, for `/health` in short. */
export function healthOf(parts: HealthParts): HealthView {
  const reasons: readonly (readonly [HealthPart, string | null])[] = [
    ["engine", engineTrouble(parts, ({ reason }) => (reason === null ? "" : `: ${reason}`))],
    ["materialiser", parts.materialiser.status().stopped],
    ["database", parts.databaseWatch.now()],
    ["beacon", beaconTrouble(parts)],
    ["bus", busTrouble(parts.cluster)],
  ];
  const all = reasons.map(([name, reason]) => ({ name, ok: reason === null, reason }));
  return { ok: all.every(({ ok }) => ok), parts: all };
}

/**
 * What `/health` says: a balancer sends people here only while every shard answers, the database does and the line to
 * SQL moves. A late beacon is no reason to send them away, nor is a bus that is gone: this process goes on with its own
 * viewers and shards (MP13). Anybody may read it, so that reasons of bugs stay out.
 */
export function publicHealthOf(parts: HealthParts): Health {
  const { parts: all } = healthOf(parts);
  const short = (name: HealthPart, reason: string) => {
    if (name === "engine") return engineTrouble(parts, () => "") ?? "running";
    // Why names a row, and with it a person.
    if (name === "materialiser") return "stopped";
    return name === "database" ? "does not answer" : reason;
  };
  return {
    ok: all.every(({ name, ok }) => ok || name === "beacon" || name === "bus"),
    parts: Object.fromEntries(
      all.map(({ name, reason }) => [name, reason === null ? "running" : short(name, reason)]),
    ),
  };
}

type Shard = ReturnType<Engine["status"]>["shards"][number];

/** A shard that another process answers for is followed here; one that nobody answers for is trouble everywhere. */
function engineTrouble(
  { engine, cluster }: Pick<HealthParts, "engine" | "cluster">,
  more: (shard: Shard) => string,
): string | null {
  const { shards } = engine.status();
  const { unowned: without, leaving } = cluster.status();
  const ill = shards.filter(({ state }) => state !== "running" && state !== "following");
  const unowned = without.filter((shard) => shards[shard]?.state === "following");
  const lines = [
    ...ill.map((shard) => `shard ${shard.shard} ${shard.state}${more(shard)}`),
    ...unowned.map((shard) => `shard ${shard} waits for a process`),
    // Who is sent away must not be sent back here.
    ...(leaving ? ["this process is ending"] : []),
  ];
  return lines.length === 0 ? null : lines.join(", ");
}

/** Only where others are: alone no message is missed. */
function busTrouble(cluster: HealthParts["cluster"]): string | null {
  const { bus, members, asks } = cluster.status();
  if (bus === null || members.length < 2) return null;
  return `${bus}: the other processes are followed by the journal alone, ${asks} commands wait for them`;
}

function beaconTrouble({ board, nowMs }: HealthParts): string | null {
  const now = nowMs();
  const late = board.sealedUndrawn().filter(({ dueAtMs }) => now - dueAtMs > BEACON_LATE_MS);
  const first = late[0];
  if (first === undefined) return null;
  const seconds = Math.floor((now - first.dueAtMs) / 1_000);
  return `window ${first.window} of ${first.draw} waits for its beacon, due ${seconds} s ago`;
}
