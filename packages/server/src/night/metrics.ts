import type { Cluster } from "../cluster/mod.ts";
import type { Engine, JournalLook, Materialiser } from "../engine/mod.ts";
import type { Metrics, Sample } from "../platform/mod.ts";
import type { Gateway, Room } from "../rooms/mod.ts";
import type { Board } from "../shows/mod.ts";
import { type HealthParts, healthOf } from "./health.ts";
import type { HouseCounts } from "./house-counts.ts";
import { materialiserLagBatches } from "./materialiser-lag.ts";
import type { OrderNumbers } from "./order-numbers.ts";

// What a night counts, by the names docs/observe.md explains (docs/spec/observe.md).

/** From an append of one record on an idle disk to one behind a stall. */
const JOURNAL_SECONDS = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 2, 8];

/** Counts what the journal was asked. */
export function journalMetrics(metrics: Metrics): (look: JournalLook) => void {
  const seconds = metrics.histogram({
    name: "wanhui_journal_operation_duration_seconds",
    help: "Time until the database answered an append, a fence check or a raised epoch.",
    labels: ["operation", "outcome"],
    buckets: JOURNAL_SECONDS,
  });
  let bytes = 0;
  metrics.counter(
    { name: "wanhui_journal_append_bytes_total", help: "Bytes of events handed to the journal." },
    () => bytes,
  );
  return (look) => {
    bytes += look.bytes;
    seconds.observe(look.seconds, { operation: look.operation, outcome: look.ok ? "ok" : "unknown" });
  };
}

export type NightMetricsParts = {
  readonly engine: Pick<Engine, "status">;
  readonly cluster: Pick<Cluster, "status">;
  readonly materialiser: Pick<Materialiser, "status">;
  readonly room: Pick<Room, "stats">;
  readonly gateway: Pick<Gateway, "stats">;
  readonly board: Pick<Board, "counts" | "pools">;
  readonly counts: Pick<HouseCounts, "viewers">;
  readonly orderNumbers: Pick<OrderNumbers, "now">;
  readonly health: HealthParts;
  readonly version: string;
};

/** Names everything the parts of a night know of themselves; each is read when somebody asks (OB4). */
export function nightMetrics(metrics: Metrics, parts: NightMetricsParts): void {
  metrics.gauge(
    { name: "wanhui_build_info", help: "1, with the version that runs.", labels: ["version"] },
    () => [{ labels: { version: parts.version }, value: 1 }],
  );
  metrics.gauge(
    { name: "wanhui_health", help: "1 while a part of the server is well, else 0.", labels: ["part"] },
    () => healthOf(parts.health).parts.map(({ name, ok }) => sample({ part: name }, ok ? 1 : 0)),
  );
  engineMetrics(metrics, parts);
  roomMetrics(metrics, parts);
  showMetrics(metrics, parts);
}

function engineMetrics(metrics: Metrics, { engine, cluster, materialiser }: NightMetricsParts): void {
  metrics.gauge(
    { name: "wanhui_shards", help: "Shards of this process by what it does with them.", labels: ["state"] },
    () => {
      const states = new Map<string, number>();
      for (const { state } of engine.status().shards) states.set(state, (states.get(state) ?? 0) + 1);
      return [...states].map(([state, value]) => sample({ state }, value));
    },
  );
  metrics.gauge(
    { name: "wanhui_shard_epoch", help: "Fencing number of a shard written here.", labels: ["shard"] },
    () => ownShards(engine).map(({ shard, epoch }) => sample({ shard: String(shard) }, epoch)),
  );
  metrics.gauge(
    { name: "wanhui_commands_pending", help: "Commands that nobody was answered yet." },
    () => engine.status().pending,
  );
  metrics.counter(
    { name: "wanhui_events_total", help: "Events this process has made durable." },
    () => engine.status().events,
  );
  metrics.gauge(
    { name: "wanhui_materialiser_lag_batches", help: "Batches of the journal that SQL does not have yet." },
    () => materialiserLagBatches(engine, materialiser),
  );
  metrics.gauge(
    { name: "wanhui_processes", help: "Processes of the night that live, this one among them." },
    () => Math.max(1, cluster.status().members.length),
  );
  metrics.gauge(
    { name: "wanhui_bus_up", help: "1 while the bus carries messages, or alone; 0 while it is gone." },
    () => (cluster.status().bus === null ? 1 : 0),
  );
  metrics.counter(
    { name: "wanhui_bus_dropped_total", help: "Messages to other processes that could not leave." },
    () => cluster.status().dropped,
  );
  metrics.gauge(
    { name: "wanhui_commands_elsewhere", help: "Commands that wait for another process." },
    () => cluster.status().asks,
  );
}

function roomMetrics(metrics: Metrics, { room, gateway }: NightMetricsParts): void {
  metrics.gauge({ name: "wanhui_viewers", help: "People in the room at this process." }, () => {
    return room.stats().viewers;
  });
  metrics.gauge({ name: "wanhui_sockets", help: "Open WebSockets at this process." }, () => {
    return gateway.stats().sockets;
  });
  metrics.gauge({ name: "wanhui_sockets_waiting", help: "Handshakes that wait for their turn." }, () => {
    return gateway.stats().waiting;
  });
  metrics.counter(
    {
      name: "wanhui_sockets_refused_total",
      help: "Handshakes refused: a foreign page, a bad ticket, a full room, too many at once.",
      labels: ["reason"],
    },
    () => {
      const { refusedOrigins, refusedTickets, refusedFull, refusedRush } = gateway.stats();
      const reasons = {
        origin: refusedOrigins,
        ticket: refusedTickets,
        full: refusedFull,
        rush: refusedRush,
      };
      return Object.entries(reasons).map(([reason, value]) => sample({ reason }, value));
    },
  );
  metrics.counter(
    {
      name: "wanhui_sockets_closed_total",
      help: "Sockets closed from here: too slow a reader, or abuse.",
      labels: ["reason"],
    },
    () => [
      sample({ reason: "slow" }, room.stats().slowClosed),
      sample({ reason: "abuse" }, gateway.stats().abuseClosed),
    ],
  );
  metrics.counter({ name: "wanhui_frames_received_total", help: "Frames read from sockets." }, () => {
    return gateway.stats().frames;
  });
  metrics.counter(
    { name: "wanhui_frames_malformed_total", help: "Frames that could not be read, or came out of order." },
    () => gateway.stats().malformed,
  );
  metrics.counter({ name: "wanhui_tap_frames_accepted_total", help: "Frames of taps that counted." }, () => {
    return gateway.stats().accepted;
  });
  metrics.counter(
    { name: "wanhui_refusals_total", help: "Taps and takes refused on sockets, by code.", labels: ["code"] },
    () => [...gateway.stats().refusals].map(([code, value]) => sample({ code }, value)),
  );
  metrics.counter(
    { name: "wanhui_room_frames_total", help: "Frames built once for everybody in the room." },
    () => room.stats().framesBuilt,
  );
  metrics.counter({ name: "wanhui_room_writes_total", help: "Those frames, written to sockets." }, () => {
    return room.stats().writes;
  });
  metrics.gauge({ name: "wanhui_room_tick_seconds", help: "How often the room speaks." }, () => {
    return room.stats().tickMs / 1_000;
  });
}

function showMetrics(metrics: Metrics, { board, counts, orderNumbers }: NightMetricsParts): void {
  const now = () => board.counts(counts.viewers());
  metrics.gauge({ name: "wanhui_show_viewers", help: "People in the show at all processes." }, () => {
    return now().viewers;
  });
  metrics.gauge({ name: "wanhui_show_taps", help: "Taps of the run so far." }, () => now().taps);
  metrics.gauge({ name: "wanhui_show_entries", help: "Entries of the run so far." }, () => now().entries);
  metrics.gauge({ name: "wanhui_show_awards", help: "Units won in the run so far." }, () => now().awards);
  metrics.gauge(
    {
      name: "wanhui_pool_units",
      help: "Units of a pool by state; they add up to the units there are.",
      labels: ["pool", "state"],
    },
    () =>
      board.pools().flatMap(({ pool, free, held, posted, withdrawn }) => {
        const states = { free, held, posted, withdrawn };
        // Without the run, so that next week's night continues the line.
        const name = pool.slice(pool.lastIndexOf("/") + 1);
        return Object.entries(states).map(([state, value]) => sample({ pool: name, state }, value));
      }),
  );
  metrics.gauge(
    { name: "wanhui_show_orders", help: "Orders of the run, by state.", labels: ["state"] },
    () => {
      const { orders, paid } = orderNumbers.now();
      return [sample({ state: "placed" }, orders), sample({ state: "paid" }, paid)];
    },
  );
}

function ownShards(engine: Pick<Engine, "status">) {
  return engine.status().shards.filter(({ mine }) => mine);
}

function sample(labels: Readonly<Record<string, string>>, value: number): Sample {
  return { labels, value };
}
