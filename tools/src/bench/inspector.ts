import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { WebSocket } from "ws";

/** A Node process's own debugger, for what only it can do: collect the garbage now. */
export type Inspector = {
  /** Collects, twice, because finalizers free more. @returns bytes in use of heap and buffers */
  collect(): Promise<number>;
  close(): void;
};

/** Connects to a process that was started with `--inspect` on this port. */
export async function openInspector(port: number): Promise<Inspector> {
  const list = await fetch(`http://127.0.0.1:${port}/json/list`);
  const [target] = (await list.json()) as { webSocketDebuggerUrl: string }[];
  if (target === undefined) throw new Error("The process has no inspector");
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await once(socket, "open");
  const waiting = new Map<number, (result: unknown) => void>();
  let last = 0;
  socket.on("message", (data) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  const ask = <T>(method: string, params: object = {}): Promise<T> =>
    new Promise((resolve) => {
      last += 1;
      waiting.set(last, resolve as (result: unknown) => void);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  return {
    async collect() {
      for (let times = 0; times < 2; times += 1) await ask("HeapProfiler.collectGarbage");
      const expression = "(({heapUsed, external}) => heapUsed + external)(process.memoryUsage())";
      const { result } = await ask<{ result: { value: number } }>("Runtime.evaluate", { expression });
      return result.value;
    },
    close: () => socket.terminate(),
  };
}

/** Memory of a process that is its own, in bytes: not files, not what it shares. Linux only. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
}
