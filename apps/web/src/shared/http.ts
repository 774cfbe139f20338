// Asking our own server. A refusal is a value with its code; no answer at all is one too.

import type { Problem } from "@wanhui/protocol";

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

/** Longest wait for an answer: a page on a train would rather say so than hang. */
const ANSWER_WAIT_MS_MAX = 15_000;

/** The code of an answer that never came; it is not on the wire, so it is not in the table of codes. */
export const NO_ANSWER = "network.no_answer";

function silent(): Problem {
  return { type: "about:blank", title: "No answer", status: 0, code: NO_ANSWER };
}

/** One request to our own server, with its cookie or a token. Never throws; `server.fault` stands for an unreadable answer. */
export async function ask<T>(
  path: string,
  options: {
    readonly method?: string;
    readonly body?: unknown;
    readonly key?: string;
    /** Where cookies do not reach: a page in a frame of another site's. */
    readonly token?: string | null;
  } = {},
): Promise<Answer<T>> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (typeof options.token === "string") headers.authorization = `Bearer ${options.token}`;
  if (options.key !== undefined) headers["idempotency-key"] = options.key;
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? "GET",
      headers,
      credentials: "same-origin",
      signal: AbortSignal.timeout(ANSWER_WAIT_MS_MAX),
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
  } catch {
    return { ok: false, problem: silent() };
  }
  let value: unknown;
  try {
    value = await response.json();
  } catch {
    value = null;
  }
  if (response.ok) return { ok: true, value: value as T };
  const problem = value as Partial<Problem> | null;
  if (typeof problem?.code === "string") return { ok: false, problem: problem as Problem };
  return {
    ok: false,
    problem: { ...silent(), title: response.statusText, status: response.status, code: "server.fault" },
  };
}
