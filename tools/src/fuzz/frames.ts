import { randomBytes } from "node:crypto";
import { encodeTaps } from "@wanhui/protocol";
import { clientMessageSchema } from "@wanhui/protocol/schemas";
import { z } from "zod";
import type { SeededRandom } from "../sim/random.ts";
import { mutateBytes, mutateJson, oddJsonText } from "./mutate.ts";
import { faultyValue, type Schema, validValue } from "./schema-values.ts";
import type { World } from "./world.ts";

/** What a socket is sent, as its bytes on the wire. */
export type FrameInput = {
  readonly what: string;
  readonly bytes: Buffer;
  /** Breaks the WebSocket protocol itself, or may: the server ends the socket with a code. */
  readonly breaks: boolean;
};

const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const messageSchema = z.toJSONSchema(clientMessageSchema, { io: "input", unrepresentable: "any" }) as Schema;

type FrameParts = {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly fin?: boolean;
  /** Bits 4 to 6 of the first byte: nobody agreed on an extension. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** The length that is said, when it is not the payload's. */
  readonly length?: number | bigint;
};

/** One frame of RFC 6455, right or wrong as asked. */
export function webSocketFrame(parts: FrameParts): Buffer {
  const { opcode, payload, fin = true, reserved = 0, masked = true, length = payload.length } = parts;
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = randomBytes(4);
  const head: number[] = [first];
  const maskBit = masked ? 0x80 : 0;
  const big = BigInt(length);
  if (big < 126n) head.push(maskBit | Number(big));
  else if (big < 65_536n) head.push(maskBit | 126, Number(big >> 8n), Number(big & 0xffn));
  else {
    head.push(maskBit | 127);
    for (let shift = 56n; shift >= 0n; shift -= 8n) head.push(Number((big >> shift) & 0xffn));
  }
  if (!masked) return Buffer.concat([Buffer.from(head), payload]);
  const body = Buffer.from(payload);
  for (let at = 0; at < body.length; at += 1) body[at] = (body[at] ?? 0) ^ (mask[at % 4] ?? 0);
  return Buffer.concat([Buffer.from(head), mask, body]);
}

const text = (payload: string | Uint8Array) =>
  webSocketFrame({ opcode: OPCODES.text, payload: Buffer.from(payload as string) });
const binary = (payload: Uint8Array) => webSocketFrame({ opcode: OPCODES.binary, payload });

/** One frame of a seed's stream: messages from the schema, taps, both spoiled, and the protocol below them spoiled. */
export function frameInput(random: SeededRandom, world: World): FrameInput {
  const way = random.below(100);
  if (way < 20) return message(random, world);
  if (way < 40) return faultyMessage(random, world);
  if (way < 55) return spoiledMessage(random, world);
  if (way < 65) return { what: "taps", bytes: binary(tapsOf(random)), breaks: false };
  if (way < 85) {
    const bytes = mutateBytes(tapsOf(random), random);
    return { what: "spoiled taps", bytes: binary(bytes), breaks: bytes.length > 1_000 };
  }
  if (way < 97) return fragments(random, world);
  return brokenFrame(random, world);
}

function message(random: SeededRandom, world: World): FrameInput {
  const value = validValue(messageSchema, random, world.names);
  return { what: "message", bytes: text(JSON.stringify(value)), breaks: false };
}

function faultyMessage(random: SeededRandom, world: World): FrameInput {
  const value = faultyValue(messageSchema, random, world.names);
  return { what: "faulty message", bytes: text(JSON.stringify(value) ?? "null"), breaks: true };
}

function spoiledMessage(random: SeededRandom, world: World): FrameInput {
  const value = validValue(messageSchema, random, world.names);
  const json = JSON.stringify(value);
  const ways = [
    () => JSON.stringify(mutateJson(value, random)) ?? "null",
    () => oddJsonText(json, random),
    () => mutateBytes(Buffer.from(json), random),
  ];
  return { what: "spoiled message", bytes: text(random.pick(ways)()), breaks: true };
}

function tapsOf(random: SeededRandom): Buffer {
  return Buffer.from(
    encodeTaps({
      drawIndex: random.below(4),
      frameNumber: random.below(2 ** 31),
      taps: random.between(1, 40),
      nonce: Buffer.from(random.hex(16), "hex"),
    }),
  );
}

/** A message in pieces, with control frames between them, as RFC 6455 allows. */
function fragments(random: SeededRandom, world: World): FrameInput {
  const isText = random.chance(0.6);
  const payload = isText
    ? Buffer.from(JSON.stringify(validValue(messageSchema, random, world.names)))
    : tapsOf(random);
  const cut = random.below(payload.length + 1);
  const opcode = isText ? OPCODES.text : OPCODES.binary;
  const between = random.chance(0.5)
    ? [webSocketFrame({ opcode: OPCODES.ping, payload: Buffer.from(random.hex(random.below(20))) })]
    : [];
  const bytes = Buffer.concat([
    webSocketFrame({ opcode, payload: payload.subarray(0, cut), fin: false }),
    ...between,
    webSocketFrame({ opcode: OPCODES.continuation, payload: payload.subarray(cut) }),
  ]);
  return { what: "fragments", bytes, breaks: false };
}

/** What no WebSocket sends. */
function brokenFrame(random: SeededRandom, world: World): FrameInput {
  const payload = Buffer.from(JSON.stringify(validValue(messageSchema, random, world.names)));
  const broken: readonly (readonly [string, () => Buffer])[] = [
    ["unmasked", () => webSocketFrame({ opcode: OPCODES.text, payload, masked: false })],
    [
      "reserved bits",
      () => webSocketFrame({ opcode: OPCODES.text, payload, reserved: random.between(1, 7) }),
    ],
    ["unknown opcode", () => webSocketFrame({ opcode: random.pick([3, 4, 5, 6, 7, 11, 15]), payload })],
    ["endless length", () => webSocketFrame({ opcode: OPCODES.text, payload, length: 2n ** 63n - 1n })],
    ["long length", () => webSocketFrame({ opcode: OPCODES.binary, payload, length: 10_000_000 })],
    ["continuation of nothing", () => webSocketFrame({ opcode: OPCODES.continuation, payload })],
    ["long ping", () => webSocketFrame({ opcode: OPCODES.ping, payload: Buffer.alloc(126) })],
    ["ping in pieces", () => webSocketFrame({ opcode: OPCODES.ping, payload, fin: false })],
    ["odd close", () => webSocketFrame({ opcode: OPCODES.close, payload: Buffer.from([random.below(256)]) })],
    ["close 999", () => webSocketFrame({ opcode: OPCODES.close, payload: Buffer.from([3, 231]) })],
    ["no UTF-8", () => text(Buffer.from([0xc3, 0x28, 0xff]))],
    ["noise", () => Buffer.from(random.hex(random.between(1, 200)), "hex")],
    ["large", () => text("x".repeat(random.between(4_000, 200_000)))],
  ];
  const [what, bytes] = random.pick(broken);
  return { what: `frame: ${what}`, bytes: bytes(), breaks: true };
}
