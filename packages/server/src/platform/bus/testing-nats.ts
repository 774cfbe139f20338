import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A nats-server of one test, on loopback. */
export type TestNats = {
  /** Without a login. */
  readonly url: string;
  readonly pid: number;
  /** kill -9; `start` brings it back at the same port. */
  kill(): Promise<void>;
  /** @param more further flags of nats-server, instead of those it had before */
  start(more?: readonly string[]): Promise<void>;
};

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Whether a nats-server greets there; whom it lets in is another question. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(500, () => end(false));
    socket.once("data", (bytes) => end(bytes.toString("latin1").startsWith("INFO ")));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}

/**
 * Starts a nats-server that ends with `kill`. The program is the one the test runner found (`WANHUI_NATS_SERVER`), else
 * `nats-server` of the path.
 *
 * @param more further flags of nats-server
 */
export async function startTestNats(more: readonly string[] = []): Promise<TestNats> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  let flags = more;
  async function start(others = flags): Promise<void> {
    flags = others;
    const program = process.env.WANHUI_NATS_SERVER ?? "nats-server";
    const started = spawn(program, ["-a", "127.0.0.1", "-p", String(port), ...flags], { stdio: "ignore" });
    child = started;
    await new Promise<void>((resolve, reject) => {
      started.once("error", reject);
      started.once("spawn", resolve);
    });
    while (!(await greets(port))) {
      if (started.exitCode !== null) throw new Error(`nats-server ended with ${started.exitCode}`);
      await sleep(10);
    }
  }
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      // A stopped process takes its end only once it goes on; SIGKILL ends it either way.
      child.kill("SIGKILL");
      await ended;
    },
    start,
  };
}
