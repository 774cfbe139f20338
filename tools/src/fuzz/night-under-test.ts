import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ShowView } from "@wanhui/protocol";
import type { ChildReport, Held } from "./server-child.ts";
import { namesOf, type World } from "./world.ts";

/** People the fuzzer may be: enough that their limits are not all it meets. */
const PEOPLE = 60;
const STAFF_COOKIE = /wanhui_staff=([^;]+)/;

/** A whole night in a process of its own. */
export type NightUnderTest = {
  readonly url: string;
  readonly run: string;
  readonly world: World;
  /** Throws once the process has ended. */
  mustLive(): void;
  held(): Promise<Held>;
  stop(): Promise<void>;
};

/** @param options.child the built `server-child.js`, or a test's own that says the same */
export async function startNightUnderTest(options: {
  readonly child: string;
  readonly dataFolder: string;
}): Promise<NightUnderTest> {
  const show = fileURLToPath(new URL("./show.yaml", import.meta.url)).replace("/dist/", "/src/");
  const child = fork(options.child, [options.dataFolder, show], {
    execArgv: ["--expose-gc"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-8_000);
  });
  const mustLive = () => {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`The server ended (${child.exitCode ?? child.signalCode}):\n${said}`);
    }
  };
  const ready = await hear(child, "ready", mustLive);
  const { url, operatorUrl, run } = ready;
  return {
    url,
    run,
    world: await makeWorld(url, operatorUrl),
    mustLive,
    async held() {
      child.send("held");
      return (await hear(child, "held", mustLive)).held;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function hear<T extends ChildReport["t"]>(
  child: ChildProcess,
  kind: T,
  mustLive: () => void,
): Promise<Extract<ChildReport, { t: T }>> {
  return new Promise((resolve, reject) => {
    const onExit = () => {
      try {
        mustLive();
      } catch (error) {
        reject(error as Error);
      }
    };
    const onMessage = (report: ChildReport) => {
      if (report.t !== kind) return;
      child.off("message", onMessage);
      child.off("exit", onExit);
      resolve(report as Extract<ChildReport, { t: T }>);
    };
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

async function makeWorld(url: string, operatorUrl: string): Promise<World> {
  const entered = await fetch(operatorUrl, { method: "POST", redirect: "manual" });
  const staff = entered.headers.getSetCookie().flatMap((line) => STAFF_COOKIE.exec(line)?.[1] ?? []);
  if (staff.length === 0) throw new Error("The operator's link gave no cookie");
  const show = (await (await fetch(`${url}/api/show`)).json()) as ShowView;
  const people = await Promise.all(
    Array.from({ length: PEOPLE }, async () => {
      const answer = await fetch(`${url}/api/session`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ bearer: true }),
      });
      const { token } = (await answer.json()) as { token: string };
      return { token, awards: [] as string[] };
    }),
  );
  const draws = show.rounds.map(({ draw }) => draw).filter((draw) => !draw.endsWith("/keep"));
  const pools = show.prizes.map(({ pool }) => pool).filter((pool) => !pool.endsWith("/lantern"));
  const names = namesOf({
    draw: draws,
    pool: pools,
    for: [...draws, ...pools],
    cue: show.cues.map(({ cue }) => cue).filter((cue) => cue !== "keep"),
    stream: [show.stream],
    t: ["hello", "ping", "take", "pass"],
  });
  const { host } = new URL(url);
  return { host, people, staff, names, platformTokens: ["a.b.c"] };
}
