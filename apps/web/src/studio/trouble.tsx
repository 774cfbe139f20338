import type { Problem } from "@wanhui/protocol";
import { useDesk } from "./context.tsx";
import { troubleOf } from "./words/troubles.ts";

/** What went wrong, in words, with the field and rule where the server named them. */
export function Trouble({ problem }: { readonly problem: Problem | null }) {
  const { words } = useDesk();
  if (problem === null) return null;
  return (
    <p className="trouble" role="alert">
      {troubleOf(words.trouble, problem.code)}
      {problem.field !== undefined && <code> {problem.field}</code>}
      {problem.rule !== undefined && <code> {problem.rule}</code>}
    </p>
  );
}

/** Whether it may have happened all the same: no answer came, or none that knows. */
export function mayHaveHappened(problem: Problem): boolean {
  return problem.status === 0 || problem.status >= 500;
}
