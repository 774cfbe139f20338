// Solves bot checks away from the page's thread: the countdown and the animation go on (AB7).

import { solveCheck } from "@wanhui/client/solve";
import type { CheckChallenge, CheckSolution } from "@wanhui/protocol";

/** What the worker says: how far it is, and in the end the answer or that there is none. */
export type CheckReport =
  | { readonly progress: number }
  | { readonly solution: CheckSolution }
  | { readonly failed: string };

const tell = (report: CheckReport) => postMessage(report);

addEventListener("message", (event: MessageEvent<CheckChallenge>) => {
  solveCheck(event.data, (progress) => tell({ progress })).then(
    (solution) => tell({ solution }),
    (error: unknown) => tell({ failed: String(error) }),
  );
});
