import type { Cluster } from "../cluster/mod.ts";
import type { Sandbox } from "../payments/mod.ts";
import { errorMessage, findListenPort, type Log, type Service } from "../platform/mod.ts";
import { pause } from "./ground.ts";

/** How often it is looked who leads. */
const LOOK_EVERY_MS = 250;
/** The process before may still be letting go of the port; pages people have open lead to it. */
const SAME_PORT_FOR_MS = 10_000;

/** The sandbox payment provider of the house: the process that leads runs it (MP15), the others know its address. */
export type SandboxDuty = Service & {
  /** Runs it if this process leads; resolves when it listens. */
  start(): Promise<void>;
  /** Where it listens. @throws Error while no process runs it */
  url(): string;
};

/** Makes the duty; the sandbox is made anew each time this process begins to lead. */
export function createSandboxDuty(parts: {
  readonly cluster: Pick<Cluster, "leads" | "leader" | "present">;
  readonly make: (port: number) => Sandbox;
  readonly host: string;
  readonly port: number;
  readonly log: Log;
}): SandboxDuty {
  const { cluster, make, host, port, log } = parts;
  const ended = new AbortController();
  let own: { readonly sandbox: Sandbox; readonly end: AbortController; readonly ran: Promise<void> } | null =
    null;
  /** Where the one before ran, and since when its port is waited for. */
  let last = "";
  let waitingSinceMs = 0;
  async function begin(wanted: number): Promise<void> {
    const sandbox = make(wanted);
    await sandbox.start().catch(async (error: unknown) => {
      await sandbox.stop().catch(() => undefined);
      throw error;
    });
    const end = new AbortController();
    own = { sandbox, end, ran: sandbox.run(end.signal) };
    cluster.present({ sandbox: sandbox.url() });
  }
  async function giveUp(): Promise<void> {
    const running = own;
    own = null;
    running?.end.abort();
    await running?.sandbox.stop();
    await running?.ran.catch(() => undefined);
  }
  async function look(): Promise<void> {
    if (!cluster.leads()) {
      waitingSinceMs = 0;
      last = cluster.leader()?.sandbox || last;
      if (own === null) return;
      cluster.present({ sandbox: "" });
      return await giveUp();
    }
    if (own !== null) return;
    if (waitingSinceMs === 0) waitingSinceMs = performance.now();
    const samePort = Number(last === "" ? 0 : new URL(last).port);
    const isPatient = samePort !== 0 && performance.now() - waitingSinceMs < SAME_PORT_FOR_MS;
    await begin(isPatient ? samePort : await findListenPort(host, port));
  }
  return {
    name: "sandbox",
    async start() {
      if (cluster.leads() && own === null) await begin(await findListenPort(host, port));
    },
    url() {
      const url = own === null ? (cluster.leader()?.sandbox ?? "") : own.sandbox.url();
      if (url === "") throw new Error("No process runs the sandbox at this moment");
      return url;
    },
    async run(signal) {
      const end = AbortSignal.any([signal, ended.signal]);
      while (!end.aborted) {
        await look().catch((error: unknown) =>
          log.warn(
            { part: "sandbox", reason: errorMessage(error) },
            "The sandbox could not be started; trying again",
          ),
        );
        await pause(LOOK_EVERY_MS, end);
      }
    },
    async stop() {
      ended.abort();
      await giveUp();
    },
  };
}
