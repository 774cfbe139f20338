import type { Feed } from "./feed.ts";
import type { Words } from "./words.ts";

/** What stands before the studio: how to come in, or that it is opening. */
export function Door(props: {
  readonly feed: Feed;
  readonly words: Words;
  readonly language: "zh" | "en";
  readonly onLanguage: () => void;
}) {
  const { feed, words } = props;
  const closed = feed.state === "out" || feed.state === "forbidden";
  return (
    <main className="door">
      <h1>{closed ? words.door.title : words.title}</h1>
      {feed.state === "forbidden" && <p role="alert">{words.door.forbidden}</p>}
      <p role="status">
        {closed ? words.door.body : feed.state === "loading" ? words.door.loading : words.door.unreachable}
      </p>
      <p className="dialog-acts">
        {closed && (
          <button type="button" className="button primary" onClick={feed.again}>
            {words.door.retry}
          </button>
        )}
        <button
          type="button"
          className="button"
          lang={props.language === "zh" ? "en" : "zh-CN"}
          onClick={props.onLanguage}
        >
          {words.language}
        </button>
      </p>
    </main>
  );
}
