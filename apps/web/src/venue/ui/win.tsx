import type { AwardView } from "@wanhui/protocol";
import { Modal } from "./modal.tsx";
import { MINUTE_HAND_MS, useNow, usePage } from "./page.tsx";
import { pictureOf } from "./prize-wall.tsx";

/** The one full-screen moment of a win. Afterwards the card under "mine" stays. */
export function Win({ award }: { readonly award: AwardView }) {
  const { words, format, text, store, claim } = usePage();
  const nowMs = useNow(MINUTE_HAND_MS);
  const { prize } = award;
  const price =
    prize.price.amountMinor > 0 ? words.prizes.payOnly(format.money(prize.price)) : words.prizes.free;
  return (
    <Modal title={words.win.title} kind="moment" onClose={() => store.endCelebration()}>
      <div class="win-picture">
        <img src={pictureOf(prize)} alt="" width={320} height={320} />
      </div>
      <p class="win-prize">{text(prize.title)}</p>
      <p class="win-worth">
        {words.win.worth(format.money(prize.worth))} · {price}
      </p>
      <p class="win-keep">
        {award.claimByMs === null
          ? words.win.kept
          : words.win.keep(
              award.claimByMs - nowMs < 12 * 3_600_000
                ? format.minute(award.claimByMs)
                : format.moment(award.claimByMs),
            )}
      </p>
      <div class="win-acts">
        <button
          type="button"
          class="button gold"
          onClick={() => {
            store.endCelebration();
            claim(award.awardId);
          }}
        >
          {words.win.claimNow}
        </button>
        <button type="button" class="button ghost" onClick={() => store.endCelebration()}>
          {words.win.later}
        </button>
      </div>
    </Modal>
  );
}
