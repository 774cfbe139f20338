import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { createLog, humanLine } from "./log.ts";

test("a file gets one JSON object per line, with what looks like a person or a secret blacked out", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wanhui-log-"));
  const file = join(folder, "deep", "server.log");
  const log = createLog({ level: "info", file, tty: false });
  log.child({ part: "shop" }).info({ phone: "13800000000", order: { email: "a@b.c" }, units: 3 }, "placed");
  log.debug("not at this level");
  const read = () => readFile(file, "utf8").catch(() => "");
  await expect.poll(read).toContain("\n");
  const lines = (await read()).trim().split("\n");
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    part: "shop",
    msg: "placed",
    units: 3,
    phone: "[redacted]",
    order: { email: "[redacted]" },
  });
  await rm(folder, { recursive: true });
});

test("logins of addresses are blacked out wherever they stand", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wanhui-log-"));
  const file = join(folder, "server.log");
  const log = createLog({ level: "info", file, tty: false });
  const err = new Error("no postgres://wanhui:hunter2@db:5432/d", { cause: new Error("tls://hunter2@b:1") });
  log.warn(
    { err, reason: "nats://a:1,nats://hunter2@b:2", page: "http://x.example/@me", who: "a@b" },
    "gone",
  );
  await expect.poll(() => readFile(file, "utf8").catch(() => "")).toContain("\n");
  const line = await readFile(file, "utf8");
  expect(line).not.toContain("hunter2");
  expect(JSON.parse(line)).toMatchObject({
    msg: "gone",
    err: { message: "no postgres://[redacted]@db:5432/d", cause: { message: "tls://[redacted]@b:1" } },
    reason: "nats://a:1,nats://[redacted]@b:2",
    page: "http://x.example/@me",
    who: "a@b",
  });
  await rm(folder, { recursive: true });
});

test.runIf(process.platform === "linux")(
  "[OB7] a full disk under the log ends nothing: it is said, and the work goes on",
  async () => {
    const log = createLog({ level: "info", file: "/dev/full", tty: false });
    const told: string[] = [];
    const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => told.push(String(text)) > 0);
    try {
      for (let n = 0; n < 50; n += 1) log.info({ n }, "a line that nobody will read");
      await expect.poll(() => told.join("")).toContain("The log file cannot be written");
      log.info("another");
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(told).toHaveLength(1);
    } finally {
      write.mockRestore();
    }
  },
);

test("a person reads time, level, part, sentence and fields", () => {
  const time = Date.UTC(2027, 0, 2, 3, 4, 5, 6);
  const entry = { level: 40, time, part: "rooms", msg: "slow", dropped: 7, err: { message: "why" } };
  expect(humanLine(JSON.stringify(entry))).toBe("03:04:05.006 WARN [rooms] slow (why) dropped=7");
  expect(humanLine("no json")).toBe("no json");
});
