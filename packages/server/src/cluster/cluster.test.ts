import { expect, test } from "vitest";
import { type Engine, nodeScheduler } from "../engine/mod.ts";
import { sha256 } from "../engine/testing.ts";
import { createMemoryBus, MemoryHub, silentLog } from "../platform/mod.ts";
import { Cluster } from "./cluster.ts";
import { Liveness } from "./liveness.ts";
import { CLUSTER_VERSION } from "./messages.ts";

test("[JR13] [MP5] a shard that nobody writes is trouble after five seconds: a change of hands is none", async () => {
  let nowMs = 0;
  let looks = 0;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const followed = [{ shard: 0, seq: 0, state: "following", mine: false }];
  const engine = { status: () => ({ shards: followed }), shards: {} } as unknown as Engine;
  const self = { process: "a", place: "", pid: 1, started: "", version: CLUSTER_VERSION, bus: true };
  const cluster = new Cluster({
    self,
    store: {
      renewAndLook: async () => {
        looks += 1;
        return { members: [], shards: [{ shard: 0, holder: "", seq: 0 }] };
      },
      leave: async () => undefined,
    },
    bus: createMemoryBus(new MemoryHub()),
    clock,
    scheduler: nodeScheduler,
    sha256,
    log: silentLog(),
    house: "test",
    liveness: new Liveness({ nowMs: () => nowMs, isGoneHere: async () => false }),
  });
  cluster.open(engine);
  const running = cluster.run(new AbortController().signal);
  await expect.poll(() => looks).toBeGreaterThan(1);
  nowMs = 4_900;
  expect(cluster.status().unowned).toEqual([]);
  nowMs = 5_100;
  expect(cluster.status().unowned).toEqual([0]);
  await cluster.stop();
  await running;
});
