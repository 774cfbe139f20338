import type { Problem } from "@wanhui/protocol";
import { useState } from "preact/hooks";
import { usePage } from "./page.tsx";

/** Sends a claim; resolves to what went wrong, or null. */
export type SendClaim = (body: object) => Promise<Problem | null>;

/** The fault of a field the server named. */
export function refused(problem: Problem | null, field: string): "refused" | null {
  return problem?.field?.split(".").at(-1) === field ? "refused" : null;
}

/** Sends once at a time and keeps what went wrong. */
export function useSending(send: SendClaim) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (body: object) => {
    if (busy) return null;
    setBusy(true);
    const trouble = await send(body);
    setBusy(false);
    setProblem(trouble);
    return trouble;
  };
  return { busy, problem, submit };
}

/** What went wrong, in words. */
export function Trouble({ problem }: { readonly problem: Problem }) {
  const { words } = usePage();
  return (
    <p class="trouble" role="alert">
      {words.refusal[problem.code] ?? words.refusal.other}
    </p>
  );
}
