import type { RequestId } from "@wanhui/core";
import type { ClientMessage } from "@wanhui/protocol";

/** A message that cannot be read, and where. */
export type Unreadable = { readonly t: "unreadable"; readonly field: string | null };
export type ReadMessage =
  | Extract<ClientMessage, { t: "hello" | "ping" }>
  | { readonly t: "pass"; readonly pass: string }
  | { readonly t: "take"; readonly pool: string; readonly r: RequestId }
  | Unreadable;

const ID = /^[a-z0-9][a-z0-9._/-]{0,127}$/;
const HEX_16 = /^[0-9a-f]{32}$/;
const STREAM = /^[A-Za-z0-9_-]{1,64}$/;

/** Reads one JSON message of a client by hand: four shapes, on the hot path of every socket. */
export function readMessage(text: string): ReadMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return unreadable(null);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return unreadable(null);
  const message = value as Readonly<Record<string, unknown>>;
  if (message.t === "hello") return readHello(message);
  if (message.t === "ping") {
    return isCount(message.c) ? { t: "ping", c: message.c } : unreadable("c");
  }
  if (message.t === "pass") {
    return typeof message.pass === "string" ? { t: "pass", pass: message.pass } : unreadable("pass");
  }
  if (message.t !== "take") return unreadable("t");
  const { pool, r } = message;
  if (typeof pool !== "string" || !ID.test(pool)) return unreadable("pool");
  if (typeof r !== "string" || !HEX_16.test(r)) return unreadable("r");
  return { t: "take", pool, r: r as RequestId };
}

function readHello(message: Readonly<Record<string, unknown>>): ReadMessage {
  const { v, me, resume } = message;
  if (!isCount(v)) return unreadable("v");
  if (me !== undefined && !isCount(me)) return unreadable("me");
  const own = me === undefined ? {} : { me };
  if (resume === undefined) return { t: "hello", v, ...own };
  if (typeof resume !== "object" || resume === null) return unreadable("resume");
  const { stream, offset } = resume as Readonly<Record<string, unknown>>;
  if (typeof stream !== "string" || !STREAM.test(stream)) return unreadable("resume.stream");
  if (!isCount(offset)) return unreadable("resume.offset");
  return { t: "hello", v, resume: { stream, offset }, ...own };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const unreadable = (field: string | null): Unreadable => ({ t: "unreadable", field });
