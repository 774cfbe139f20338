import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { connect } from "@nats-io/transport-node";

/** A nats-server of one test, on loopback. */
export type TestNats = {
  readonly url: string;
  readonly pid: number;
  /** kill -9; `start` brings it back at the same port. */
  kill(): Promise<void>;
  start(): Promise<void>;
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

async function answers(port: number): Promise<boolean> {
  return await connect({ servers: `127.0.0.1:${port}`, timeout: 500, reconnect: false }).then(
    async (connection) => {
      await connection.close();
      return true;
    },
    () => false,
  );
}

/**
 * Starts a nats-server that ends with `kill`. The program is the one the test runner found (`WANHUI_NATS_SERVER`), else
 * `nats-server` of the path.
 */
export async function startTestNats(): Promise<TestNats> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  async function start(): Promise<void> {
    const program = process.env.WANHUI_NATS_SERVER ?? "nats-server";
    const started = spawn(program, ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
    child = started;
    await new Promise<void>((resolve, reject) => {
      started.once("error", reject);
      started.once("spawn", resolve);
    });
    while (!(await answers(port))) {
      if (started.exitCode !== null) throw new Error(`nats-server ended with ${started.exitCode}`);
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
