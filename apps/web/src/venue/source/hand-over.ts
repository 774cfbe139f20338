// The host platform's token on its way into this page: in the fragment of the address the platform opens us with, or in
// a message of the platform's own page that holds ours in a frame. It is kept in no storage, no history and no log.

import { ask } from "../../shared/http.ts";

/** What the page that holds us is asked with, and what it answers. It may also answer unasked, when somebody signs in. */
const QUESTION = "wanhui.token?";
const ANSWER = "wanhui.token";
/** The longest token the server takes. */
const TOKEN_CHARACTERS_MAX = 8_192;
/** A page that has never answered is one that knows nothing of this; nobody waits longer for it than this. */
const ANSWER_WAIT_MS = 2_000;

export type HandOver = {
  /** Whether ours stands in a frame of another page: cookies may not reach it. */
  readonly embedded: boolean;
  /** The token for a sign-in; null where nobody is known. Rejects when a page that has answered before does not. */
  readonly token: () => Promise<string | null>;
  /** Calls back with each token that comes unasked. */
  readonly onToken: (listener: (token: string) => void) => void;
};

/** Begins at once: a token in the address is out of it before anything else of the page runs. */
export function takeHandOver(): HandOver {
  let first = takeFromAddress();
  let listener: (token: string) => void = () => undefined;
  addEventListener("hashchange", () => {
    const token = takeFromAddress();
    if (token !== null) listener(token);
  });
  const embedded = parent !== window;
  const holder = embedded ? holdersTokens((token) => listener(token)) : null;
  return {
    embedded,
    token: async () => {
      const token = first;
      first = null;
      return token ?? (await holder?.()) ?? null;
    },
    onToken: (listen) => {
      listener = listen;
    },
  };
}

/** The token in the fragment. The address and its place in the history lose it. */
function takeFromAddress(): string | null {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token === null) return null;
  fragment.delete("token");
  const rest = fragment.size === 0 ? "" : `#${fragment}`;
  history.replaceState(history.state, "", location.pathname + location.search + rest);
  return token === "" ? null : token;
}

/** Asks the page that holds ours. Only one of the server's own list is listened to. */
function holdersTokens(unasked: (token: string) => void): () => Promise<string | null> {
  const origins = ask<{ origins: readonly string[] }>("/api/origins");
  let everAnswered = false;
  let waiting: ((token: string | null) => void) | null = null;
  addEventListener("message", async ({ source, origin, data }: MessageEvent<unknown>) => {
    const token = tokenOf(data);
    if (source !== parent || token === undefined) return;
    const answer = await origins;
    if (!answer.ok || !answer.value.origins.includes(origin)) return;
    everAnswered = true;
    if (waiting !== null) waiting(token);
    else if (token !== null) unasked(token);
  });
  return () =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting = null;
        if (everAnswered) reject(new Error("The page that holds this one gave no token."));
        else resolve(null);
      }, ANSWER_WAIT_MS);
      waiting = (token) => {
        clearTimeout(timer);
        waiting = null;
        resolve(token);
      };
      // To whoever holds us: the question says nothing, and the policy lets no page off the list hold us.
      parent.postMessage({ type: QUESTION }, "*");
    });
}

/** The token of an answer, null where it says that nobody is known; undefined for any other message. */
function tokenOf(data: unknown): string | null | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { type, token } = data as { type?: unknown; token?: unknown };
  if (type !== ANSWER) return undefined;
  if (token === null || token === "") return null;
  return typeof token === "string" && token.length <= TOKEN_CHARACTERS_MAX ? token : undefined;
}
