import { countdown } from "../../shared/format.ts";
import { MINUTE_HAND_MS, useNow, usePage } from "./page.tsx";

/** The page before there is a show: opening, unknown, out of reach. */
export function BootFace() {
  const { words, state, store } = usePage();
  useNow(MINUTE_HAND_MS);
  if (state.boot === "unreachable") {
    const seconds = Math.max(0, Math.ceil((store.retryAtMs - Date.now()) / 1_000));
    return (
      <section class="face" aria-labelledby="face-title">
        <div role="alert">
          <h2 id="face-title">{words.boot.unreachable}</h2>
          <p>{words.boot.unreachableMore}</p>
        </div>
        <p class="note">{seconds > 0 ? words.boot.retryIn(seconds) : countdown(0)}</p>
        <button type="button" class="button gold" onClick={() => store.retryNow()}>
          {words.boot.retry}
        </button>
      </section>
    );
  }
  if (state.boot === "unknown") {
    return (
      <section class="face" aria-labelledby="face-title">
        <h2 id="face-title">{words.boot.unknown}</h2>
        <p>{words.boot.unknownMore}</p>
      </section>
    );
  }
  return (
    <section class="face" aria-busy="true">
      <p role="status">{words.boot.loading}</p>
    </section>
  );
}
