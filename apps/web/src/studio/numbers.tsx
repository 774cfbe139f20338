import type { StudioNumbers } from "@wanhui/protocol";
import { useDesk } from "./context.tsx";
import { HISTORY_MAX } from "./feed.ts";

type Charted = "viewers" | "tapsPerSecond" | "entriesPerSecond";
type Counted = "taps" | "entries" | "awards" | "claims" | "orders" | "paid";

const CHARTED: readonly Charted[] = ["viewers", "tapsPerSecond", "entriesPerSecond"];
const COUNTED: readonly Counted[] = ["taps", "entries", "awards", "claims", "orders", "paid"];
const WIDTH = 240;
const HEIGHT = 44;

/**
 * Points of a line through values from 0 to their highest. The newest stands at the right end, and `slots` values fill
 * the width: a young chart begins in the middle instead of being stretched.
 */
export function linePoints(
  values: readonly number[],
  box: { readonly width: number; readonly height: number; readonly slots: number },
): readonly string[] {
  const top = Math.max(1, ...values);
  const step = box.width / Math.max(1, box.slots - 1);
  const from = box.width - (values.length - 1) * step;
  return values.map(
    (value, place) =>
      `${(from + place * step).toFixed(1)},${(box.height - (value / top) * box.height).toFixed(1)}`,
  );
}

function Spark({
  name,
  values,
  shown,
}: {
  readonly name: string;
  readonly values: readonly number[];
  readonly shown: string;
}) {
  const { words, format } = useDesk();
  const top = Math.max(0, ...values);
  const points = linePoints(values, { width: WIDTH, height: HEIGHT, slots: HISTORY_MAX });
  const left = points[0]?.split(",")[0] ?? "0";
  return (
    <svg
      className="spark"
      viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={words.numbers.trend(name, shown, format.number(Math.round(top)))}
    >
      <polygon points={`${left},${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`} />
      <polyline points={points.join(" ")} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

/** Live numbers: rates with two minutes of history, totals with what they mean. */
export function Numbers() {
  const { words, format, feed, view } = useDesk();
  const { numbers } = view;
  const row = (key: keyof StudioNumbers) => Number(numbers[key]);
  return (
    <section className="panel numbers" aria-labelledby="numbers-title">
      <h2 id="numbers-title">{words.numbers.title}</h2>
      {CHARTED.map((key) => (
        <div key={key} className="charted">
          <p>
            <span className="soft">{words.numbers[key]}</span>
            <strong>{format.number(Math.round(row(key)))}</strong>
          </p>
          <Spark
            name={words.numbers[key]}
            values={feed.history.map((each) => each[key])}
            shown={format.number(Math.round(row(key)))}
          />
        </div>
      ))}
      <dl>
        {COUNTED.map((key) => (
          <div key={key} title={words.means[key]}>
            <dt>{words.numbers[key]}</dt>
            <dd>{format.number(row(key))}</dd>
          </div>
        ))}
        <div className={numbers.journalAppendMs > 1_000 ? "bad" : ""}>
          <dt>{words.numbers.journal}</dt>
          <dd>{words.numbers.ms(Math.round(numbers.journalAppendMs))}</dd>
        </div>
        <div className={numbers.materialiserLagBatches > 10_000 ? "bad" : ""}>
          <dt>{words.numbers.materialiser}</dt>
          <dd>{words.numbers.batches(numbers.materialiserLagBatches)}</dd>
        </div>
      </dl>
    </section>
  );
}
