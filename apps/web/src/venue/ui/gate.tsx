import type { ComponentChildren } from "preact";

/** The moon gate: the round frame in which the stage stands. Its gold ring fills as time runs. */
export function Gate(props: {
  /** 0 to 1. */
  readonly progress: number;
  readonly tone: "calm" | "open" | "won";
  readonly children: ComponentChildren;
}) {
  const left = 1 - Math.max(0, Math.min(1, props.progress));
  return (
    <div class={`gate ${props.tone}`}>
      <svg class="gate-ring" viewBox="0 0 120 120" aria-hidden="true" focusable="false">
        <circle class="gate-track" cx="60" cy="60" r="56" />
        <circle
          class="gate-run"
          cx="60"
          cy="60"
          r="56"
          pathLength={1}
          stroke-dasharray="1 1"
          stroke-dashoffset={left}
        />
      </svg>
      <div class="gate-inner">{props.children}</div>
    </div>
  );
}
