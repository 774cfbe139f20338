import type { RainView } from "@wanhui/protocol";
import { countdown } from "../../shared/format.ts";
import { canTake, type RainFace, rainFace } from "../model/rain.ts";
import type { RainNote } from "../model/state.ts";
import { CheckLine } from "./check-line.tsx";
import { Gate } from "./gate.tsx";
import { Icon } from "./icons.tsx";
import { usePage } from "./page.tsx";
import { StageMore, StageText } from "./stage-text.tsx";

/** A rain that can be grabbed: one press, an answer in order of arrival. */
export function RainStage({ rain, nowMs }: { readonly rain: RainView; readonly nowMs: number }) {
  const { words, text, state } = usePage();
  const note = state.rains[rain.pool];
  const face = rainFace(note, state.show?.counts, rain.pool);
  const left = state.show?.counts.left[rain.pool];
  return (
    <>
      <StageText eyebrow={words.rain.eyebrow} title={text(rain.title)} live>
        <p class="stage-fact strong">
          {left !== undefined && canTake(face) && `${words.rain.left(left)} · `}
          {words.hero.closesIn(countdown(rain.closesAtMs - nowMs))}
        </p>
        <p class="stage-fact">{words.rain.each}</p>
        <CheckLine what={rain.pool} asked={rain.botCheck} open />
      </StageText>
      <Gate
        progress={(nowMs - rain.opensAtMs) / (rain.closesAtMs - rain.opensAtMs)}
        tone={face === "got" ? "won" : canTake(face) ? "open" : "calm"}
      >
        {canTake(face) ? <RainButton rain={rain} face={face} /> : <RainSign note={note} face={face} />}
      </Gate>
      <StageMore>
        <RainWord note={note} face={face} />
      </StageMore>
    </>
  );
}

/** A rain beside an open round: smaller, but there. */
export function RainStrip({ rain, nowMs }: { readonly rain: RainView; readonly nowMs: number }) {
  const { words, text, state, store } = usePage();
  const note = state.rains[rain.pool];
  const face = rainFace(note, state.show?.counts, rain.pool);
  return (
    <div class="rain-strip">
      <div>
        <p class="coming-title">{text(rain.title)}</p>
        <p class="stage-fact">{words.hero.closesIn(countdown(rain.closesAtMs - nowMs))}</p>
        <RainWord note={note} face={face} />
      </div>
      {canTake(face) && (
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

function RainButton({ rain, face }: { readonly rain: RainView; readonly face: RainFace }) {
  const { words, text, store } = usePage();
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

/** In the place of the button once there is nothing to press: got, in line, gone. */
function RainSign({ note, face }: { readonly note: RainNote | undefined; readonly face: RainFace }) {
  const { words, format } = usePage();
  if (face === "wait" && typeof note?.place === "number") {
    return (
      <>
        <p class="gate-small">{words.rain.place}</p>
        <p class="digits">{format.number(note.place)}</p>
      </>
    );
  }
  const sign = face === "got" ? "star" : face === "wait" ? "clock" : "dash";
  return (
    <span class="gate-sign">
      <Icon name={sign} filled={face === "got"} />
    </span>
  );
}

function RainWord({ note, face }: { readonly note: RainNote | undefined; readonly face: RainFace }) {
  const { words } = usePage();
  const lines: Record<RainFace, readonly [string, string]> = {
    take: ["", ""],
    asking: [words.rain.asking, ""],
    got: [words.rain.got, words.rain.gotMore],
    // Over plain requests the place is not told.
    wait: [
      typeof note?.place === "number" ? words.rain.wait(note.place) : words.rain.waiting,
      words.rain.waitMore,
    ],
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
