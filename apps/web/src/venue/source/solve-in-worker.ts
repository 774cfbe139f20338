import type { ClientOptions } from "@wanhui/client";
import type { CheckChallenge, CheckSolution } from "@wanhui/protocol";
import type { CheckReport } from "./check-worker.ts";

/** How bot checks are solved here: in a worker of their own where there are workers, else by the SDK in slices (AB7). */
export const solveInWorker: Pick<ClientOptions, "solve"> =
  typeof Worker === "undefined" ? {} : { solve: (challenge, onProgress) => solve(challenge, onProgress) };

function solve(challenge: CheckChallenge, onProgress: (part: number) => void): Promise<CheckSolution> {
  const worker = new Worker(new URL("./check-worker.ts", import.meta.url), { type: "module" });
  return new Promise<CheckSolution>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<CheckReport>) => {
      if ("progress" in data) onProgress(data.progress);
      else if ("solution" in data) resolve(data.solution);
      else reject(new Error(data.failed));
    };
    worker.onerror = () => reject(new Error("the check's worker ended"));
    worker.postMessage(challenge);
  }).finally(() => worker.terminate());
}
