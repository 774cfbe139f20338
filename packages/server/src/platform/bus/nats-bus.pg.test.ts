import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { silentLog } from "../log.ts";
import type { Bus } from "./bus.ts";
import { busContract } from "./bus-contract.ts";
import { createNatsBus } from "./nats-bus.ts";
import { startTestNats, type TestNats } from "./testing-nats.ts";

let nats: TestNats;
const open: Bus[] = [];

beforeAll(async () => {
  nats = await startTestNats();
});
afterEach(async () => {
  for (const bus of open.splice(0)) await bus.close();
});
afterAll(async () => {
  await nats.kill();
});

async function openBus(): Promise<Bus> {
  const bus = await createNatsBus({ url: nats.url, name: "test", log: silentLog() });
  open.push(bus);
  return bus;
}

/** A message of its own goes the whole way and comes back: what was sent before it has arrived. */
async function echoed(bus: Bus): Promise<void> {
  const subject = `echo.${Math.random().toString(36).slice(2)}`;
  await new Promise<void>((resolve) => {
    const end = bus.subscribe(subject, () => {
      end();
      resolve();
    });
    bus.publish(subject, new Uint8Array());
  });
}

for (const rule of busContract) {
  test(`NATS core: ${rule.name}`, async () => {
    const bus = await openBus();
    const other = await openBus();
    const settled = async () => {
      for (const end of [bus, other]) if (end.status().trouble === null) await echoed(end);
      // The other's last messages may be behind its own echo by one hop of the server.
      await echoed(other);
    };
    await rule.run({ bus, other, settled });
  });
}

test("[MP12] [MP13] NATS is killed and comes back: nothing throws, what was dropped is counted, messages travel again", async () => {
  const bus = await openBus();
  const other = await openBus();
  const heard: string[] = [];
  other.subscribe("after", (bytes) => void heard.push(new TextDecoder().decode(bytes)));
  const changes: (string | null)[] = [];
  bus.onChange(({ trouble }) => void changes.push(trouble));
  await nats.kill();
  await expect.poll(() => bus.status().trouble).toBe("NATS cannot be reached");
  bus.publish("after", new TextEncoder().encode("lost"));
  expect(bus.status().dropped).toBe(1);
  await nats.start();
  await expect
    .poll(() => [bus, other].map((end) => end.status().trouble), { timeout: 5_000 })
    .toEqual([null, null]);
  await echoed(other);
  bus.publish("after", new TextEncoder().encode("found"));
  await expect.poll(() => heard).toEqual(["found"]);
  expect(changes).toEqual(["NATS cannot be reached", null]);
});

test("[MP3] no NATS there: a fault that names the address and what to do", async () => {
  await expect(
    createNatsBus({ url: "nats://127.0.0.1:1", name: "test", log: silentLog() }),
  ).rejects.toMatchObject({
    code: "bus.unreachable",
    message: expect.stringContaining("127.0.0.1:1"),
  });
});
