import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { silentLog } from "../log.ts";
import { createTestFolder, removeTestFolder } from "../testing.ts";
import type { Bus } from "./bus.ts";
import { busContract } from "./bus-contract.ts";
import { readNatsUrl } from "./nats-address.ts";
import { createNatsBus } from "./nats-bus.ts";
import { freePort, startTestNats, type TestNats } from "./testing-nats.ts";

let nats: TestNats;
const open: Bus[] = [];
/** Servers of one test. */
const servers: TestNats[] = [];

beforeAll(async () => {
  nats = await startTestNats();
});
afterEach(async () => {
  for (const bus of open.splice(0)) await bus.close();
  for (const server of servers.splice(0)) await server.kill();
});
afterAll(async () => {
  await nats.kill();
});

async function openBus(url = nats.url): Promise<Bus> {
  const address = readNatsUrl(url);
  if (address === null) throw new Error(`${url} is no address`);
  const bus = await createNatsBus({ address, name: "test", log: silentLog() });
  open.push(bus);
  return bus;
}

async function startServer(...flags: string[]): Promise<TestNats> {
  const server = await startTestNats(flags);
  servers.push(server);
  return server;
}

const at = ({ url }: TestNats) => url.replace("nats://", "");

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
  await expect(openBus("nats://hunter2@127.0.0.1:1")).rejects.toMatchObject({
    code: "bus.unreachable",
    message: expect.stringContaining("NATS at 127.0.0.1:1 cannot be reached"),
  });
});

test.each([
  { asks: ["--auth", "s3cret/1"], right: "s3cret%2F1@", wrong: ["", "hunter2@", "s3cret:1@"] },
  {
    asks: ["--user", "gala", "--pass", "a:b@c"],
    right: "gala:a%3Ab%40c@",
    wrong: ["", "gala@", "gala:hunter2@"],
  },
])(
  "[MP3] a server that asks for $asks lets in who has it, and nobody else",
  async ({ asks, right, wrong }) => {
    const server = await startServer(...asks);
    await echoed(await openBus(`nats://${right}${at(server)}`));
    for (const login of wrong) {
      const refusal = await openBus(`nats://${login}${at(server)}`).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: "bus.refused", message: expect.stringContaining(at(server)) });
      expect(refusal).toMatchObject({ message: expect.stringContaining("in NATS_URL") });
      expect(String(refusal)).not.toContain("hunter2");
    }
  },
);

test("[MP3] tls:// is not spoken in the clear with a server that has no TLS", async () => {
  await expect(openBus(`tls://${at(nats)}`)).rejects.toMatchObject({
    code: "bus.unreachable",
    message: expect.stringContaining("tls"),
  });
});

test("[MP12] of several servers the first that answers is taken, and none of them is forgotten", async () => {
  const first = await startServer();
  const second = await startServer();
  await first.kill();
  const list = `${first.url},${second.url}`;
  const bus = await openBus(list);
  await echoed(bus);
  await first.start();
  await second.kill();
  // The one that was dead at the start is come back to.
  await expect.poll(() => bus.status().trouble, { timeout: 5_000 }).toBe("NATS cannot be reached");
  await expect.poll(() => bus.status().trouble, { timeout: 5_000 }).toBeNull();
  await echoed(bus);
  await first.kill();
  await expect(openBus(list)).rejects.toMatchObject({
    code: "bus.unreachable",
    message: expect.stringContaining(`NATS at ${at(first)}, ${at(second)} cannot be reached`),
  });
  // Of a dead server and one that refuses, the one that refuses is what is to be mended.
  await second.start(["--auth", "hunter2"]);
  await expect(openBus(`nats://other@127.0.0.1:${await freePort()},${second.url}`)).rejects.toMatchObject({
    code: "bus.refused",
  });
});

test("[MP13] a token that is changed and changed back is no end: the bus is back by itself", async () => {
  const server = await startServer("--auth", "first");
  const bus = await openBus(`nats://first@${at(server)}`);
  await server.kill();
  const folder = await createTestFolder();
  const log = join(folder, "nats.log");
  await server.start(["--auth", "second", "-l", log]);
  // The client left to itself gives up when it was refused twice.
  const refused = async () => (await readFile(log, "utf8")).split("authentication error").length - 1;
  await expect.poll(refused, { timeout: 10_000 }).toBeGreaterThan(3);
  expect(bus.status().trouble).toBe("NATS cannot be reached");
  await server.kill();
  await server.start(["--auth", "first"]);
  await expect.poll(() => bus.status().trouble, { timeout: 5_000 }).toBeNull();
  await echoed(bus);
  await removeTestFolder(folder);
});
