import type { Counts, RainView } from "@wanhui/protocol";
import { countdown } from "../../shared/format.ts";
import type { RainNote } from "../model/state.ts";
import { Gate } from "./gate.tsx";
import { Icon } from "./icons.tsx";
import { usePage } from "./page.tsx";
import { StageText } from "./stage-text.tsx";

type Face = "take" | "asking" | "got" | "wait" | "refused" | "gone";

function faceOf(note: RainNote | undefined, counts: Counts | undefined, pool: string): Face {
  if (note?.phase === "refused" && note.code === "pool.sold_out") return "gone";
  // Whoever waits is told as soon as nothing can come back any more (GR4).
  const over = counts?.left[pool] === 0 && (counts.open[pool] ?? 0) === 0;
  if (note?.phase === "wait" && over) return "gone";
  return note?.phase ?? "take";
}

/** A rain that can be grabbed: one press, an answer in order of arrival. */
export function RainStage({ rain, nowMs }: { readonly rain: RainView; readonly nowMs: number }) {
  const { words, text, state } = usePage();
  const note = state.rains[rain.pool];
  const face = faceOf(note, state.show?.counts, rain.pool);
  const left = state.show?.counts.left[rain.pool];
  return (
    <>
      <StageText eyebrow={words.rain.eyebrow} title={text(rain.title)} live>
        <p class="stage-fact strong">
          {left !== undefined && `${words.rain.left(left)} · `}
          {words.hero.closesIn(countdown(rain.closesAtMs - nowMs))}
        </p>
        <p class="stage-fact">{words.rain.each}</p>
      </StageText>
      <Gate
        progress={(nowMs - rain.opensAtMs) / (rain.closesAtMs - rain.opensAtMs)}
        tone={face === "got" ? "won" : "open"}
      >
        <RainButton rain={rain} face={face} />
      </Gate>
      <div class="stage-more">
        <RainWord note={note} face={face} />
      </div>
    </>
  );
}

/** A rain beside an open round: smaller, but there. */
export function RainStrip({ rain, nowMs }: { readonly rain: RainView; readonly nowMs: number }) {
  const { words, text, state, store } = usePage();
  const note = state.rains[rain.pool];
  const face = faceOf(note, state.show?.counts, rain.pool);
  return (
    <div class="rain-strip">
      <div>
        <p class="coming-title">{text(rain.title)}</p>
        <p class="stage-fact">{words.hero.closesIn(countdown(rain.closesAtMs - nowMs))}</p>
        <RainWord note={note} face={face} />
      </div>
      {face !== "got" && face !== "gone" && (
        <button
          type="button"
          class="button gold"
          aria-label={words.rain.takeName(text(rain.title))}
          aria-busy={face === "asking"}
          onClick={() => store.take(rain.pool)}
        >
          {words.rain.take}
        </button>
      )}
    </div>
  );
}

function RainButton({ rain, face }: { readonly rain: RainView; readonly face: Face }) {
  const { words, text, store } = usePage();
  if (face === "got" || face === "gone") {
    return (
      <span class="gate-sign">
        <Icon name={face === "got" ? "star" : "dash"} filled={face === "got"} />
      </span>
    );
  }
  return (
    <button
      type="button"
      class="shake"
      aria-label={words.rain.takeName(text(rain.title))}
      aria-busy={face === "asking"}
      onClick={() => store.take(rain.pool)}
    >
      <span class="shake-word" aria-hidden="true">
        {words.rain.take}
      </span>
    </button>
  );
}

function RainWord({ note, face }: { readonly note: RainNote | undefined; readonly face: Face }) {
  const { words } = usePage();
  const lines: Record<Face, readonly [string, string]> = {
    take: ["", ""],
    asking: [words.rain.asking, ""],
    got: [words.rain.got, words.rain.gotMore],
    wait: [words.rain.wait(note?.place ?? 1), words.rain.waitMore],
    refused: [words.refusal[note?.code ?? "other"] ?? words.refusal.other, ""],
    gone: [words.rain.soldOut, words.rain.soldOutMore],
  };
  const [first, second] = lines[face];
  return (
    <div role="status">
      {first !== "" && <p class={face === "got" ? "own-word received" : "own-word"}>{first}</p>}
      {second !== "" && <p class="stage-hint">{second}</p>}
    </div>
  );
}
