// Checks a proof away from the page's thread: a large one keeps a thread busy for seconds.

import { streamOf, verifyProof } from "@wanhui/verify";
import type { Job, Report } from "./messages.ts";
import { WindowReader } from "./windows.ts";

/** Progress is told this often, not for every chunk. */
const TELL_EVERY_MS = 100;

function tell(report: Report): void {
  postMessage(report);
}

class Unreadable extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`status ${status}`);
    this.status = status;
  }
}

async function* bytesOf(response: Response): AsyncGenerator<Uint8Array, void> {
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Unreadable(response.status);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

async function open(
  source: Job["source"],
): Promise<{ bytes: AsyncIterable<Uint8Array>; bytesAll: number | null }> {
  if ("file" in source) return { bytes: streamOf(source.file), bytesAll: source.file.size };
  const response = await fetch(source.url, { credentials: "same-origin" }).catch(() => null);
  if (response === null || !response.ok) throw new Unreadable(response?.status ?? 0);
  const length = Number(response.headers.get("content-length"));
  const whole = length > 0 && response.headers.get("content-encoding") === null;
  return { bytes: bytesOf(response), bytesAll: whole ? length : null };
}

async function work(job: Job): Promise<void> {
  const { bytes, bytesAll } = await open(job.source);
  const reader = new WindowReader();
  async function* read(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of bytes) {
      reader.push(chunk);
      yield chunk;
    }
  }
  let toldMs = 0;
  const verdict = await verifyProof(read(), {
    heard: job.heard,
    receipts: job.receipts,
    onProgress: (progress) => {
      if (performance.now() - toldMs < TELL_EVERY_MS) return;
      toldMs = performance.now();
      tell({ t: "progress", bytesAll, ...progress });
    },
  });
  const foreign = others(job.heard, verdict.draw);
  const heard = verdict.heard.filter(({ hash }) => !foreign.has(hash));
  tell({ t: "verdict", verdict: { ...verdict, heard }, rows: reader.rows });
}

/** A night's heard seals come in one file; those of other draws say nothing about this one. */
function others(heard: readonly unknown[], draw: string | null): ReadonlySet<string> {
  const records = heard as readonly {
    readonly hash?: unknown;
    readonly record?: { readonly draw?: unknown };
  }[];
  return new Set(records.filter(({ record }) => record?.draw !== draw).map(({ hash }) => String(hash)));
}

addEventListener("message", (event: MessageEvent<Job>) => {
  work(event.data).catch((error: unknown) =>
    tell({ t: "unreadable", status: error instanceof Unreadable ? error.status : 0 }),
  );
});
