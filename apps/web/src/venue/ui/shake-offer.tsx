import { usePage } from "./page.tsx";

/** Asks for the motion sensor where the phone wants to be asked, or says why shaking does not work here. */
export function ShakeOffer() {
  const { words, wishes, shake, askShake } = usePage();
  if (!wishes.shake || shake === "unsupported") return null;
  if (shake === "ask") {
    return (
      <button type="button" class="button ghost" onClick={askShake}>
        {words.hero.allowShake}
      </button>
    );
  }
  const said = {
    ready: words.hero.shakeReady,
    denied: words.hero.shakeDenied,
    insecure: words.hero.shakeInsecure,
  };
  return <p class="stage-hint">{said[shake]}</p>;
}
