import { Worker } from "node:worker_threads";
import { Fault } from "../platform/mod.ts";

/** A BLS key pair in hex: 32 bytes and 96 bytes (G2). */
export type BlsKey = { readonly secretKey: string; readonly publicKey: string };

/** BLS signatures of drand's scheme, computed off the main thread. */
export type Bls = {
  /** Whether `signature` (48 bytes, hex) is the key's signature of a round; rubbish is simply false. */
  verify(job: { publicKey: string; round: number; signature: string }): Promise<boolean>;
  /** Signature of a round, 48 bytes in hex. */
  sign(job: { secretKey: string; round: number }): Promise<string>;
  /** A key by chance, or the one that follows from 48 bytes in hex. */
  generate(job?: { seed: string }): Promise<BlsKey>;
  publicKey(job: { secretKey: string }): Promise<string>;
  /** Ends the thread; unanswered jobs fail. */
  stop(): Promise<void>;
};

type Waiting = { resolve(value: unknown): void; reject(error: Error): void };
type Reply = { id: number; value?: unknown; error?: string };

const workerFile = new URL("../../workers/bls.js", import.meta.url);

/** Starts the thread at the first job; it does not keep the process alive. */
export function createBls(): Bls {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let count = 0;

  const failAll = (cause: unknown) => {
    worker = undefined;
    const error = new Fault("beacon.bls_worker", "The thread that checks beacons ended.", {
      retryable: true,
      cause,
    });
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };

  const start = (): Worker => {
    const started = new Worker(workerFile);
    started.unref();
    started.on("message", ({ id, value, error }: Reply) => {
      const job = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) job?.resolve(value);
      else job?.reject(new Fault("beacon.bls_failed", `BLS: ${error}`));
      if (waiting.size === 0) started.unref();
    });
    started.on("error", (error) => {
      if (worker === started) failAll(error);
    });
    started.on("exit", () => {
      if (worker === started) failAll(undefined);
    });
    return started;
  };

  const ask = <T>(op: string, job: object): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      worker ??= start();
      const id = count++;
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      // A job under way is a reason to stay; an idle thread is none.
      worker.ref();
      worker.postMessage({ id, op, ...job });
    });

  return {
    verify: (job) => ask("verify", job),
    sign: (job) => ask("sign", job),
    generate: (job) => ask("generate", job ?? {}),
    publicKey: (job) => ask("publicKey", job),
    async stop() {
      const ended = worker;
      failAll("stopped");
      await ended?.terminate();
    },
  };
}
