import { type HouseView, LEASE_MS, type MemberStore, type Self, type SelfState } from "@wanhui/server";
import { type JournalWorld, type MemoryDisk, statement } from "./memory-journal.ts";

type Row = { readonly member: Self & SelfState; readonly leaseUntilMs: number };

/** The table of processes, in the memory of the simulated database and in its time (MP1). */
export class SimHouse {
  readonly #rows = new Map<string, Row>();
  readonly #disk: MemoryDisk;
  readonly #nowMs: () => number;

  constructor(disk: MemoryDisk, nowMs: () => number) {
    this.#disk = disk;
    this.#nowMs = nowMs;
  }

  /** One process's connection to it. */
  storeOf(self: Self, world: JournalWorld): Pick<MemberStore, "renewAndLook" | "leave"> {
    return {
      renewAndLook: (state) =>
        statement(world, "members", async () => {
          // In the order they came; one that comes back has its old place.
          const row = { member: { ...self, ...state }, leaseUntilMs: this.#nowMs() + LEASE_MS };
          this.#rows.set(self.process, row);
          return this.#view();
        }),
      leave: () => statement(world, "members", async () => void this.#rows.delete(self.process)),
    };
  }

  #view(): HouseView {
    const nowMs = this.#nowMs();
    const members = Array.from(this.#rows.values(), ({ member, leaseUntilMs }) => ({
      ...member,
      leaseMs: leaseUntilMs - nowMs,
      leaseUntilMs,
    }));
    const shards = this.#disk.shards.map(({ holder, rows }, shard) => ({ shard, holder, seq: rows.length }));
    return { members, shards };
  }
}
