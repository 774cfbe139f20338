import type { Counts, CtlMessage, ShowView } from "@wanhui/protocol";

/** The show after one message of the ctl lane. Pure: the same view and message give the same view; unknown ones change nothing. */
export function foldShow(view: ShowView, message: CtlMessage): ShowView {
  switch (message.t) {
    case "round":
      return { ...view, rounds: put(view.rounds, message.round, (round) => round.draw) };
    case "cue":
      return { ...view, cues: put(view.cues, message.cue, (cue) => cue.cue) };
    case "rain":
      return { ...view, rains: put(view.rains, message.rain, (rain) => rain.slug) };
    case "drawn":
      return {
        ...view,
        rounds: view.rounds.map((round) =>
          // A round that already counts this window was told of it before.
          round.draw !== message.draw || round.drawnThrough > message.window
            ? round
            : { ...round, drawnThrough: message.window + 1, winners: round.winners + message.winners },
        ),
      };
    default:
      return view;
  }
}

/** The show with newer counts; what is left of each prize follows them. */
export function foldCounts(view: ShowView, counts: Counts): ShowView {
  const prizes = view.prizes.map((prize) => {
    const left = counts.left[prize.pool];
    return left === undefined || left === prize.left ? prize : { ...prize, left };
  });
  return { ...view, counts, prizes };
}

/** Replaces the item of the same name, or adds it at the end. */
function put<Item>(items: readonly Item[], item: Item, nameOf: (item: Item) => string): readonly Item[] {
  const name = nameOf(item);
  const known = items.some((other) => nameOf(other) === name);
  return known ? items.map((other) => (nameOf(other) === name ? item : other)) : [...items, item];
}
