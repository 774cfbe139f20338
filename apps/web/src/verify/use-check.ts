import type { Verdict } from "@wanhui/verify";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Evidence } from "./evidence.ts";
import type { Job, Report } from "./messages.ts";
import type { WindowRow } from "./windows.ts";

export type Check =
  | { readonly state: "idle" }
  | {
      readonly state: "working";
      readonly bytes: number;
      readonly bytesAll: number | null;
      readonly lines: number;
    }
  | { readonly state: "unreadable"; readonly status: number }
  | { readonly state: "done"; readonly verdict: Verdict; readonly rows: readonly WindowRow[] };

const STARTED: Check = { state: "working", bytes: 0, bytesAll: null, lines: 0 };

function heardFrom(report: Report): Check {
  switch (report.t) {
    case "progress":
      return { state: "working", bytes: report.bytes, bytesAll: report.bytesAll, lines: report.lines };
    case "verdict":
      return { state: "done", verdict: report.verdict, rows: report.rows };
    case "unreadable":
      return { state: "unreadable", status: report.status };
  }
}

/** Runs one check at a time in a worker; new evidence checks the same proof again. */
export function useCheck(evidence: Evidence) {
  const [check, setCheck] = useState<Check>({ state: "idle" });
  const [source, setSource] = useState<Job["source"] | null>(null);
  const worker = useRef<Worker | null>(null);
  useEffect(() => {
    if (source === null) return;
    setCheck(STARTED);
    const made = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.current = made;
    made.onmessage = (event: MessageEvent<Report>) => setCheck(heardFrom(event.data));
    made.onerror = () => setCheck({ state: "unreadable", status: 0 });
    made.postMessage({ source, ...evidence } satisfies Job);
    return () => made.terminate();
  }, [source, evidence]);
  const begin = useCallback((wanted: Job["source"]) => setSource(wanted), []);
  const reset = useCallback(() => {
    setSource(null);
    setCheck({ state: "idle" });
  }, []);
  return { check, begin, reset };
}
