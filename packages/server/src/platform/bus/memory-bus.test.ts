import { afterEach, expect, test } from "vitest";
import { busContract } from "./bus-contract.ts";
import { createMemoryBus, MemoryHub } from "./memory-bus.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const bus of open.splice(0)) await bus.close();
});

for (const rule of busContract) {
  test(`in process: ${rule.name}`, async () => {
    const hub = new MemoryHub();
    const bus = createMemoryBus(hub);
    const other = createMemoryBus(hub);
    open.push(bus, other);
    await rule.run({ bus, other, settled: () => new Promise((resolve) => setImmediate(resolve)) });
  });
}

test("[MP12] buses on different hubs do not hear each other", async () => {
  const heard: number[] = [];
  const far = createMemoryBus();
  far.subscribe("a", (bytes) => void heard.push(bytes.length));
  createMemoryBus().publish("a", new Uint8Array(3));
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toEqual([]);
});
