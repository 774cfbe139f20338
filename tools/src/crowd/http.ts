import type { Problem } from "@wanhui/protocol";

/** Longest wait for an answer over HTTP; a server that takes longer is down for a viewer. */
const TIMEOUT_MS = 15_000;

export type Answered<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string; readonly retryMs: number | null };

/** One exchange as a viewer's page does it; no answer at all is the code `offline`. */
export async function ask<T>(options: {
  readonly url: string;
  readonly method?: "GET" | "POST";
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}): Promise<Answered<T>> {
  const { url, method = "GET", body, headers = {} } = options;
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json().catch(() => null)) as unknown;
    if (response.ok) return { ok: true, value: answer as T };
    const problem = answer as Problem | null;
    return {
      ok: false,
      code: problem?.code ?? `http.${response.status}`,
      retryMs: problem?.retryAfterMs ?? null,
    };
  } catch {
    return { ok: false, code: "offline", retryMs: null };
  }
}

/** Waits, or less when the signal aborts. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener("abort", end, { once: true });
  });
}
