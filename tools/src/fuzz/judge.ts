import { CLOSE_CODES, CODES } from "@wanhui/protocol";
import type { RawAnswer } from "./raw-http.ts";

/** Closes a client may meet: RFC 6455's own for what broke the protocol, and ours. */
const CLOSES = new Set<number>([1000, 1001, 1002, 1003, 1005, 1007, 1009, ...Object.values(CLOSE_CODES)]);
/** What Node's own parser says of bytes that are no request; it has no body of ours. */
const PARSER_REFUSALS = new Set([400, 408, 413, 414, 417, 431]);
/** What a shard says that takes nothing any more: no shard of a night that runs ends, so that either is a fault. */
const STOPPED = new Set(["engine.stopped", "engine.broken"]);
/** Words that only come from inside. */
const INSIDE =
  /node_modules|\.ts:\d+|\.js:\d+|\n\s+at |select .* from|syntax error at or near|ECONN|TypeError|RangeError/;

/** What is wrong with an answer, or null (FZ3). @param wild the bytes may have been no request of ours */
export function faultOfAnswer(
  answer: RawAnswer,
  at: { method: string; wild: boolean; upgrade: boolean },
): string | null {
  const { status, headers, body } = answer;
  if (status >= 500) {
    const code = codeOf(body);
    if (code !== null && STOPPED.has(code)) return `a shard that stopped: ${body.slice(0, 300)}`;
    return code?.startsWith("engine.") ? null : `status ${status}: ${body.slice(0, 300)}`;
  }
  if (status < 400) return null;
  if (at.method === "HEAD" || answer.status === 304) return null;
  if (INSIDE.test(body)) return `an answer with words from inside: ${body.slice(0, 300)}`;
  if (headers["content-type"]?.includes("json") === true) {
    const code = codeOf(body);
    if (code === null) return `status ${status} without a code: ${body.slice(0, 300)}`;
    return code in CODES ? null : `a code nobody knows: ${code}`;
  }
  if (at.upgrade || (at.wild && PARSER_REFUSALS.has(status))) return null;
  if (headers["content-type"]?.includes("text/html") === true) return null;
  return body === "" && at.wild ? null : `status ${status} that is no problem of ours: ${body.slice(0, 300)}`;
}

function codeOf(body: string): string | null {
  try {
    const { code } = JSON.parse(body) as { code?: unknown };
    return typeof code === "string" ? code : null;
  } catch {
    return null;
  }
}

/** What is wrong with a text of the socket, or null. */
export function faultOfText(text: string): string | null {
  let value: { t?: unknown; code?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return `a text that is no JSON: ${text.slice(0, 200)}`;
  }
  if (typeof value.t !== "string") return `a message without a kind: ${text.slice(0, 200)}`;
  if (value.t !== "no" && value.t !== "error") return null;
  if (typeof value.code === "string" && STOPPED.has(value.code))
    return `a shard that stopped: ${text.slice(0, 200)}`;
  if (typeof value.code !== "string" || !(value.code in CODES))
    return `a refusal without a known code: ${text.slice(0, 200)}`;
  return INSIDE.test(text) ? `words from inside: ${text.slice(0, 200)}` : null;
}

/** What is wrong with the way a socket ended, or null. */
export function faultOfClose(code: number | null): string | null {
  if (code === null) return "the socket was cut without a code";
  return CLOSES.has(code) ? null : `closed with ${code}`;
}

/** What is wrong with the server by its own word (`GET /health`), or null (FZ4). A late beacon is a fault here, too. */
export function faultOfHealth({ status, body }: Pick<RawAnswer, "status" | "body">): string | null {
  const said = `/health said ${status}: ${body.slice(0, 300)}`;
  let parts: Readonly<Record<string, unknown>> | undefined;
  try {
    ({ parts } = JSON.parse(body) as { parts?: Readonly<Record<string, unknown>> });
  } catch {
    return said;
  }
  const states = Object.values(parts ?? {});
  const isWell = status === 200 && states.length > 0 && states.every((state) => state === "running");
  return isWell ? null : said;
}
