import { useDesk, useServerNow } from "./context.tsx";

/** The show, the server's clock, whether the page is connected, and ways elsewhere. */
export function TopBar(props: {
  readonly language: "zh" | "en";
  readonly onLanguage: () => void;
  readonly onInvite: () => void;
}) {
  const { words, format, text, view, feed, mayAct, isOperator } = useDesk();
  const nowMs = useServerNow();
  return (
    <header className="bar">
      <div className="bar-name">
        <h1>
          {words.title} · {text(view.show.title)}
        </h1>
        <p className="soft">
          <span className="run">{view.show.run}</span>
          {view.show.rehearsal && <span className="tag">{words.rehearsal}</span>}
          {view.show.beacon.level === "dev" && <span className="tag">{words.dev}</span>}
          {!mayAct && <span className="tag">{words.readOnly}</span>}
        </p>
      </div>
      <p className="bar-clock">
        <span className="unseen">{words.clock}</span>
        {format.clock(nowMs)}
      </p>
      <p className={feed.live ? "link-state" : "link-state lost"} role="status">
        {feed.live ? words.live : words.lost}
      </p>
      <p className="bar-acts">
        {isOperator && (
          <button type="button" className="button small" onClick={props.onInvite}>
            {words.invite.button}
          </button>
        )}
        <a className="button small" href="/">
          {words.venue}
        </a>
        <button
          type="button"
          className="button small"
          lang={props.language === "zh" ? "en" : "zh-CN"}
          onClick={props.onLanguage}
        >
          {words.language}
        </button>
      </p>
    </header>
  );
}
