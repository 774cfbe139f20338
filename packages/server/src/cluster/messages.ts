import type { Answer, DrawId, Hash } from "@wanhui/core";
import type { OrderView } from "@wanhui/protocol";
import type { Batch, EngineCommand, EngineFaultCode, Where } from "../engine/mod.ts";

/** Step of the words between processes; those one step apart understand each other (MP14). */
export const CLUSTER_VERSION = 1;

/** A command on its way to the owner of its shard. */
export type AskedCommand = readonly [id: number, shard: number, command: EngineCommand];
/** What came of it: an answer and where it stands, or why there is none. */
export type AskedAnswer = readonly [id: number, answer: Answer | EngineFaultCode, where: Where];
/** Taps of a draw that one process took since its start. */
export type TapsTold = readonly [draw: DrawId, taps: number];
export type TapsOf = readonly [shard: number, draw: DrawId, count: number];

/** Words for one process. */
export type DirectMessage =
  | { readonly t: "ask"; readonly asks: readonly AskedCommand[]; readonly taps: readonly TapsOf[] }
  | { readonly t: "answer"; readonly answers: readonly AskedAnswer[] };

/** Words for all processes. Nothing is lost with one that does not arrive: each says what can be read elsewhere. */
export type CommonMessage =
  /** A shard has a new writer ("" for nobody): looked up in the database at once. */
  | { readonly t: "owner"; readonly shard: number; readonly process: string }
  /** Somebody joined or leaves. */
  | { readonly t: "members" }
  /** A cue was changed. */
  | { readonly t: "cues" }
  /** A beacon round was seen (DR11). */
  | { readonly t: "beacon"; readonly round: number; readonly chain: string }
  /** An order moved; for its buyer's lane. */
  | { readonly t: "order"; readonly user: string; readonly order: OrderView }
  /** An award looks different for its owner. */
  | { readonly t: "award"; readonly awards: readonly string[] }
  /** A witness signed a window of a draw. */
  | { readonly t: "witness"; readonly draw: DrawId }
  /** Own viewers, and own taps of each draw since the start. */
  | {
      readonly t: "counts";
      readonly viewers: number;
      readonly taps: readonly TapsTold[];
    };

export type Message = DirectMessage | CommonMessage;

/** A message and who sent it. */
export type Received<M> = { readonly from: string; readonly message: M };

/** Who says something, and in which version of these messages. */
export type Sender = { readonly process: string; readonly version: number };

/** Bytes of a message, as JSON. */
export function encodeMessage({ process, version }: Sender, message: Message): Uint8Array {
  return Buffer.from(JSON.stringify({ v: version, from: process, ...message }));
}

/** Why a message is not taken in. */
export type Unreadable = "unreadable" | "too far apart";

/** Reads a message; what is more than a step apart, or no message at all, is dropped by whoever asked (MP14). */
export function decodeMessage<M extends Message>(bytes: Uint8Array, own: number): Received<M> | Unreadable {
  const value = parse(bytes);
  if (value === null || typeof value.from !== "string" || typeof value.t !== "string") return "unreadable";
  if (!isNear(value.v, own)) return "too far apart";
  return { from: value.from, message: value as unknown as M };
}

function parse(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Whether a version is ours or a step from it. */
export function isNear(version: unknown, own: number): boolean {
  return typeof version === "number" && Math.abs(version - own) <= 1;
}

type BatchHead = Omit<Batch, "payload" | "previousHash"> & {
  readonly previousHash: string;
  readonly bytes: number;
};

/** Bytes of the batches of one append: their number, their heads as JSON, then their payloads as they are. */
export function encodeBatches({ process, version }: Sender, batches: readonly Batch[]): Uint8Array {
  const heads: BatchHead[] = batches.map(({ payload, ...head }) => ({ ...head, bytes: payload.length }));
  const head = Buffer.from(JSON.stringify({ v: version, from: process, heads }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, ...batches.map(({ payload }) => payload)]);
}

/** Reads the batches of an append; their links and hashes are for the shard to check. */
export function decodeBatches(bytes: Uint8Array, own: number): Received<readonly Batch[]> | Unreadable {
  if (bytes.length < 4) return "unreadable";
  const start = 4 + Buffer.from(bytes.buffer, bytes.byteOffset, 4).readUInt32BE();
  const value = parse(bytes.subarray(4, start));
  if (value === null || typeof value.from !== "string" || !Array.isArray(value.heads)) return "unreadable";
  if (!isNear(value.v, own)) return "too far apart";
  const batches: Batch[] = [];
  let at = start;
  for (const { bytes: size, ...head } of value.heads as BatchHead[]) {
    if (!Number.isSafeInteger(size) || size < 0 || at + size > bytes.length) return "unreadable";
    batches.push({
      ...head,
      previousHash: head.previousHash as Hash,
      payload: bytes.subarray(at, at + size),
    });
    at += size;
  }
  return { from: value.from, message: batches };
}
