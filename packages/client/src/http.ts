import type { Problem } from "@wanhui/protocol";

/** An answer that is a refusal or fault; `code` is one of the server's, or `offline` when there was no answer at all. */
export class HttpProblem extends Error {
  readonly code: string;
  readonly retryMs: number | null;

  constructor(code: string, retryMs: number | null = null) {
    super(code);
    this.name = "HttpProblem";
    this.code = code;
    this.retryMs = retryMs;
  }
}

export type Http = <Answer>(method: "GET" | "POST", path: string, body?: unknown) => Promise<Answer>;

/** Asks with cookies of our own origin, or with a token. @throws HttpProblem */
export function createHttp(options: {
  baseUrl: string;
  fetch: typeof fetch;
  token: () => string | null;
}): Http {
  const base = options.baseUrl.replace(/\/$/, "");
  return async (method, path, body) => {
    const headers: Record<string, string> = {};
    const token = options.token();
    if (token !== null) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const request = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await options.fetch(base + path, request).catch(() => {
      throw new HttpProblem("offline");
    });
    const answer = await response.json().catch(() => null);
    if (response.ok) return answer;
    const problem = answer as Problem | null;
    throw new HttpProblem(problem?.code ?? "offline", problem?.retryAfterMs ?? null);
  };
}
