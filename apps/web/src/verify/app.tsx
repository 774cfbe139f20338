// The checker's page: a file or a link in, two verdicts out.

import { useEffect, useMemo, useState } from "preact/hooks";
import { type Format, makeFormat } from "../shared/format.ts";
import { localeOf, rememberLanguage } from "../shared/language.ts";
import { proofUrl } from "../shared/links.ts";
import { EVIDENCE_BYTES_MAX, type Evidence, NO_EVIDENCE, readEvidence, together } from "./evidence.ts";
import { Limits, Result } from "./result.tsx";
import { type Check, useCheck } from "./use-check.ts";
import { type Words, wordsIn } from "./words.ts";

type Language = "zh" | "en";

/** The whole page. */
export function App({ first, draw }: { readonly first: Language; readonly draw: string | null }) {
  const [language, setLanguage] = useState(first);
  const format = useMemo(() => makeFormat(localeOf(language)), [language]);
  const words = useMemo(() => wordsIn(language, format), [language, format]);
  const [evidence, setEvidence] = useState<Evidence>(NO_EVIDENCE);
  const { check, begin, reset } = useCheck(evidence);
  useEffect(() => {
    document.documentElement.lang = localeOf(language);
    document.title = `${words.title} · Wanhui`;
  }, [language, words]);
  useEffect(() => {
    if (draw !== null) begin({ url: proofUrl(draw) });
  }, [draw, begin]);
  const toggle = () => {
    const next = language === "zh" ? "en" : "zh";
    rememberLanguage(next);
    setLanguage(next);
  };
  return (
    <>
      <header class="bar">
        <a class="bar-link" href="/">
          {words.venue}
        </a>
        <button type="button" class="bar-link" lang={language === "zh" ? "en" : "zh-CN"} onClick={toggle}>
          {words.language}
        </button>
      </header>
      <main>
        <h1>{words.title}</h1>
        <p class="lead">{words.lead}</p>
        {check.state === "idle" && <DropZone words={words} onFile={(file) => begin({ file })} />}
        {draw !== null && check.state !== "idle" && (
          <p class="soft">
            {words.fromServer}: <code>{draw}</code>
          </p>
        )}
        <CheckView check={check} words={words} format={format} />
        <EvidenceBox
          words={words}
          evidence={evidence}
          onMore={(more) => setEvidence(together(evidence, more))}
        />
        {check.state !== "idle" && check.state !== "working" && (
          <p>
            <button type="button" class="button" onClick={reset}>
              {words.again}
            </button>
          </p>
        )}
        <Limits words={words} dev={check.state === "done" && check.verdict.level === "dev"} />
      </main>
    </>
  );
}

function CheckView({
  check,
  words,
  format,
}: {
  readonly check: Check;
  readonly words: Words;
  readonly format: Format;
}) {
  if (check.state === "working") {
    const { bytes, bytesAll, lines } = check;
    const done = `${format.number(Math.round(bytes / 1_024))} KiB`;
    return (
      <div class="working">
        <progress
          aria-label={words.title}
          max={1}
          {...(bytesAll === null || bytesAll === 0 ? {} : { value: bytes / bytesAll })}
        />
        <p role="status">{words.progress(done, lines)}</p>
      </div>
    );
  }
  if (check.state === "unreadable") {
    return (
      <p class="panel bad" role="alert">
        {check.status === 404 ? words.unreadable.missing : words.unreadable.other}
      </p>
    );
  }
  if (check.state === "done") {
    return <Result verdict={check.verdict} rows={check.rows} words={words} format={format} />;
  }
  return null;
}

function DropZone({ words, onFile }: { readonly words: Words; readonly onFile: (file: File) => void }) {
  const [over, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    const file = files?.item(0);
    if (file) onFile(file);
  };
  return (
    <label
      class={over ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <strong>{words.drop}</strong>
      <span class="soft">{words.dropMore}</span>
      <input
        type="file"
        class="unseen"
        accept=".ndjson,.jsonl,.json,application/x-ndjson"
        onChange={(event) => take(event.currentTarget.files)}
      />
    </label>
  );
}

function EvidenceBox(props: {
  readonly words: Words;
  readonly evidence: Evidence;
  readonly onMore: (evidence: Evidence) => void;
}) {
  const { words, evidence } = props;
  const [empty, setEmpty] = useState(false);
  const { receipts, heard } = evidence;
  const take = async (files: FileList | null) => {
    let found = NO_EVIDENCE;
    for (const file of files ?? []) {
      if (file.size <= EVIDENCE_BYTES_MAX) found = together(found, readEvidence(await file.text()));
    }
    const none = found.receipts.length + found.heard.length === 0;
    setEmpty(none);
    if (!none) props.onMore(found);
  };
  return (
    <section class="panel evidence" aria-labelledby="evidence-title">
      <h2 id="evidence-title">{words.evidence}</h2>
      <p class="soft">{words.evidenceMore}</p>
      <label class="button pick">
        {words.evidencePick}
        <input
          type="file"
          class="unseen"
          multiple
          accept=".json,.ndjson,.jsonl,application/json,application/x-ndjson"
          onChange={(event) => void take(event.currentTarget.files)}
        />
      </label>
      <p role="status">
        {receipts.length + heard.length > 0 && words.evidenceHave(receipts.length, heard.length)}
        {empty && words.evidenceNone}
      </p>
    </section>
  );
}
