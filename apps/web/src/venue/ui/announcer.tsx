import type { Text } from "@wanhui/protocol";
import type { Saying } from "../model/state.ts";
import { usePage } from "./page.tsx";

/** Reads aloud what must not be missed: a round opens, received, won, not this time, paid. */
export function Announcer() {
  const { state } = usePage();
  const said = useSaid(state.saying);
  const urgent = state.saying?.what === "won" || state.saying?.what === "got";
  return (
    <>
      <p class="unseen" role="status">
        {!urgent && said}
      </p>
      <p class="unseen" role="alert">
        {urgent && said}
      </p>
    </>
  );
}

function useSaid(saying: Saying | null): string {
  const { state, words, format, text } = usePage();
  if (saying === null) return "";
  const none: Text = { zh: "", en: "" };
  switch (saying.what) {
    case "received":
      return words.say.received(format.clock(saying.atMs));
    case "lost":
      return words.say.lost;
    case "opened":
    case "soon": {
      const round = state.show?.rounds.find((each) => each.draw === saying.draw);
      return words.say[saying.what](text(round?.title ?? none));
    }
    default: {
      const prize = state.show?.prizes.find((each) => each.pool === saying.draw);
      return words.say[saying.what](text(prize?.title ?? none));
    }
  }
}
