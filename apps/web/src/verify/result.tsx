import type { Failure, Verdict } from "@wanhui/verify";
import { useEffect, useRef } from "preact/hooks";
import type { Format } from "../shared/format.ts";
import type { WindowRow } from "./windows.ts";
import type { Words } from "./words.ts";

type Parts = { readonly words: Words; readonly format: Format };

/** A local beacon's file can be right in itself and still shows nothing of fairness: no green there (FA4). */
function headOf(verdict: Verdict) {
  if (!verdict.accepted) return { tone: "bad", sign: "✕", word: "rejected" } as const;
  if (verdict.level === "dev") return { tone: "open", sign: "!", word: "acceptedDev" } as const;
  return { tone: "good", sign: "✓", word: "accepted" } as const;
}

/** What the check came to, in plain words. */
export function Result(props: Parts & { readonly verdict: Verdict; readonly rows: readonly WindowRow[] }) {
  const { verdict, words } = props;
  const head = headOf(verdict);
  const heading = useRef<HTMLHeadingElement>(null);
  // Whoever waited for it is led to it.
  useEffect(() => heading.current?.focus(), []);
  return (
    <section aria-labelledby="result-title">
      <h2 id="result-title" ref={heading} tabIndex={-1} class={`verdict ${head.tone}`}>
        <span class="sign" aria-hidden="true">
          {head.sign}
        </span>
        {words[head.word]}
        <span class="verdict-title">{verdict.title ?? verdict.draw ?? ""}</span>
      </h2>
      {verdict.failure !== null && <FailureBox failure={verdict.failure} words={words} />}
      <div class="answers">
        <Answer
          name={words.consistent}
          answer={verdict.consistent ? words.yes : words.no}
          tone={verdict.consistent ? "good" : "bad"}
          more={verdict.consistent ? words.consistentYes : words.consistentNo}
        />
        <Answer
          name={words.sealed}
          answer={verdict.sealedBeforeSeed === "yes" ? words.yes : words.notShown}
          tone={verdict.sealedBeforeSeed === "yes" ? "good" : "open"}
          more={words.sealedWhy[verdict.sealedCode](verdict.windowsUncovered, verdict.counts.windowsDrawn)}
        />
        {verdict.level !== null && (
          <Answer
            name={words.level}
            answer={verdict.level}
            tone={verdict.level === "dev" ? "bad" : "good"}
            more={words.levels[verdict.level]}
          />
        )}
      </div>
      <Yours {...props} />
      {/* Of a file that is wrong nothing more is worth showing. */}
      {verdict.accepted && <Sums {...props} />}
      {verdict.accepted && props.rows.length > 0 && <Windows {...props} />}
    </section>
  );
}

function Answer(props: {
  readonly name: string;
  readonly answer: string;
  readonly tone: "good" | "bad" | "open";
  readonly more: string;
}) {
  return (
    <div class={`panel answer ${props.tone}`}>
      <h3>{props.name}</h3>
      <p class="answer-word">{props.answer}</p>
      <p class="soft">{props.more}</p>
    </div>
  );
}

function FailureBox({ failure, words }: { readonly failure: Failure; readonly words: Words }) {
  return (
    <div class="panel bad" role="alert">
      <h3>{words.failure}</h3>
      <dl class="failure">
        <div>
          <dt>{failure.line > 0 ? words.line(failure.line) : words.brought}</dt>
          <dd lang="en">{failure.message}</dd>
        </div>
        {failure.field !== "" && (
          <div>
            <dt>{words.field}</dt>
            <dd>
              <code>{failure.field}</code>
            </dd>
          </div>
        )}
        <div>
          <dt>{words.rule}</dt>
          <dd>
            <code>{failure.rule}</code>
          </dd>
        </div>
      </dl>
    </div>
  );
}

function Yours({ verdict, words }: Parts & { readonly verdict: Verdict }) {
  const { receipts, heard } = verdict;
  if (receipts.length + heard.length === 0) return null;
  return (
    <div class="panel">
      <h3>{words.yours}</h3>
      <ul class="yours">
        {receipts.map((receipt) => (
          <li
            key={`${receipt.userKey}#${receipt.window}`}
            class={receipt.status === "found" ? "good" : "open"}
          >
            <strong>{words.receipt(receipt.window + 1)}</strong>: {words.receiptStatus[receipt.status]}
            {receipt.won === true && words.won}
            {receipt.won === false && words.notWon}
          </li>
        ))}
        {heard.map((each) => (
          <li key={`${each.hash} ${each.reason}`} class={each.status === "matches" ? "good" : "open"}>
            <strong>{words.heard(each.hash.slice(0, 12))}</strong>: {words.heardStatus[each.status]}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Sums({ verdict, words, format }: Parts & { readonly verdict: Verdict }) {
  const { counts } = verdict;
  return (
    <div class="panel">
      <h3>{words.counts}</h3>
      <dl class="sums">
        <div>
          <dt>{words.windows}</dt>
          <dd>{words.windowsSaid(counts.windowsDrawn, counts.windowsSealed, counts.windowsSkipped)}</dd>
        </div>
        <div>
          <dt>{words.entries}</dt>
          <dd>{format.number(counts.entries)}</dd>
        </div>
        <div>
          <dt>{words.winners}</dt>
          <dd>{words.winnersSaid(counts.winners, counts.units)}</dd>
        </div>
        <div>
          <dt>{words.forfeits}</dt>
          <dd>{format.number(counts.forfeits)}</dd>
        </div>
        <div>
          <dt>{words.witnesses}</dt>
          <dd>{format.number(counts.witnessSignatures)}</dd>
        </div>
      </dl>
      <p class="soft">{verdict.final ? words.final : words.growing}</p>
    </div>
  );
}

function Windows({ rows, words, format }: Parts & { readonly rows: readonly WindowRow[] }) {
  return (
    // Scrolls sideways on a phone, so a keyboard must be able to reach it.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable
    <section class="panel scroll" aria-labelledby="table-title" tabIndex={0}>
      <h3 id="table-title">{words.table}</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.th.window}</th>
            <th scope="col">{words.th.entries}</th>
            <th scope="col">{words.th.units}</th>
            <th scope="col">{words.th.winners}</th>
            <th scope="col">{words.th.sealed}</th>
            <th scope="col">{words.th.round}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.window}>
              <th scope="row">{format.number(row.window + 1)}</th>
              <td>{format.number(row.entries)}</td>
              <td>{format.number(row.units)}</td>
              <td>{row.winners === null ? words.notDrawn : format.number(row.winners)}</td>
              <td>{format.clock(row.sealedAtMs)}</td>
              <td>{row.round}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** What no proof can show, said as plainly as what it shows. */
export function Limits({ words, dev }: { readonly words: Words; readonly dev: boolean }) {
  // Witnesses help nothing where the seed was known beforehand.
  const limits = [...words.limitsList, dev ? words.limitDev : words.limitSeals];
  return (
    <section class="panel" aria-labelledby="limits-title">
      <h2 id="limits-title">{words.limits}</h2>
      <ul class="limits">
        {limits.map((limit) => (
          <li key={limit}>{limit}</li>
        ))}
      </ul>
    </section>
  );
}
