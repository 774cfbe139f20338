import type { Problem } from "@wanhui/protocol";
import { useEffect, useRef, useState } from "preact/hooks";
import { usePage } from "./page.tsx";

/** Sends a claim; resolves to what went wrong, or null. */
export type SendClaim = (body: object) => Promise<Problem | null>;

/** What is said when the page itself failed before or after sending. */
const UNFORESEEN: Problem = { type: "about:blank", title: "The page failed", status: 0, code: "page.fault" };

/** The fault of a field the server named. */
export function refused(problem: Problem | null, field: string): "refused" | null {
  return problem?.field?.split(".").at(-1) === field ? "refused" : null;
}

/** Sends once at a time and keeps what went wrong; whatever happens, the button can be pressed again. */
export function useSending(send: SendClaim) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = async (body: object): Promise<void> => {
    if (busy) return;
    setBusy(true);
    let trouble: Problem | null = UNFORESEEN;
    try {
      trouble = await send(body);
    } finally {
      setBusy(false);
      setProblem(trouble);
    }
  };
  return { busy, problem, submit };
}

/** Leads to the first field with a fault, once the faults are drawn: before, they would push it away again. */
export function useFaultFocus(tries: number, problem: Problem | null) {
  const form = useRef<HTMLFormElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each try and each answer leads there again
  useEffect(() => {
    form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [tries, problem]);
  return form;
}

/** What went wrong, in words. */
export function Trouble({ problem }: { readonly problem: Problem }) {
  const { words } = usePage();
  return (
    <p class="trouble" role="alert">
      {words.claim.troubles[problem.code] ?? words.refusal[problem.code] ?? words.refusal.other}
    </p>
  );
}
