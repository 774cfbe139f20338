import { Readable } from "node:stream";
import type { DrawId, Hash, UserId } from "@wanhui/core";
import { idSchema } from "@wanhui/protocol/schemas";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type App, problem, problemResponses } from "../http/mod.ts";
import { Downloads } from "./downloads.ts";
import type { ProofArchive } from "./proof-archive.ts";
import type { ProofStory } from "./proof-story.ts";
import type { TickReceipts } from "./tick-receipts.ts";
import type { WitnessStore } from "./witnesses.ts";

export type ProofRoutesDeps = {
  readonly archive: Pick<ProofArchive, "open" | "story">;
  readonly receipts: Pick<TickReceipts, "receipt">;
  readonly witnesses: WitnessStore;
  /** The signed-in user of a request; throws the problem `auth.missing` when there is none. */
  readonly userOf: (request: FastifyRequest) => UserId;
  /** Proof files sent at once, for tests of the bound. */
  readonly streamsMax?: number;
};

/** As the table of entries holds them; no draw has as many. */
const WINDOW_NUMBER_MAX = 2 ** 31 - 1;
const tags = ["proofs"];
const params = z.object({ draw: idSchema.describe("The draw's id, its `/` written as `%2F`.") });
const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `${bytes} bytes in hex`);
const recordSchema = z.record(z.string(), z.unknown());
const receiptSchema = z.object({
  version: z.literal("wanhui/receipt/1"),
  leaf: z.object({ draw: z.string(), window: z.number(), userKey: hex(32) }),
  index: z.number(),
  path: z.array(hex(32)),
  tick: z.object({
    version: z.literal("wanhui/tick/1"),
    shard: z.number(),
    seq: z.number(),
    atMs: z.number(),
    count: z.number(),
    root: hex(32),
  }),
  signature: hex(64),
});
const witnessBody = z.object({
  name: z.string().min(1).max(200),
  publicKey: hex(32),
  sealHash: hex(32),
  heardAtMs: z.int().min(0),
  signature: hex(64),
});

const headersSchema = z.object({
  draw: z.string(),
  showKey: hex(32),
  rules: recordSchema,
  records: z.array(z.object({ kind: z.string(), record: recordSchema, hash: hex(32), signature: hex(64) })),
});

/** Proof files, receipts, witnesses' signatures and the signed records of a draw (docs/spec/proof.md). */
export function proofRoutes(app: App, deps: ProofRoutesDeps): void {
  proofFile(app, deps);
  receiptRoute(app, deps);
  witnessRoute(app, deps);
  headersRoute(app, deps);
}

function headersRoute(app: App, { archive }: ProofRoutesDeps): void {
  /** Records are only ever added: as many of them are the same body, made once (PF7). */
  const kept = new WeakMap<ProofStory, { readonly records: number; readonly body: Buffer }>();
  const bodyOf = (draw: string, story: ProofStory): Buffer => {
    const known = kept.get(story);
    if (known !== undefined && known.records === story.records.length) return known.body;
    const { records, rules } = story;
    const body = Buffer.from(
      JSON.stringify(headersSchema.parse({ draw, showKey: rules.showKey, rules, records })),
    );
    kept.set(story, { records: records.length, body });
    return body;
  };
  app.get(
    "/api/draws/:draw/headers",
    {
      schema: {
        summary: "The signed records of a draw so far: arm, seals, gaps, stop, close",
        tags,
        params,
        response: { 200: headersSchema, ...problemResponses("proof.unknown") },
      },
    },
    async (request, reply) => {
      const { draw } = request.params;
      const story = archive.story(draw as DrawId);
      if (story === undefined) throw problem("proof.unknown");
      // Bytes pass the serializer by: encoded by the same schema, once.
      return reply
        .header("content-type", "application/json; charset=utf-8")
        .send(bodyOf(draw, story) as never);
    },
  );
}

function proofFile(app: App, { archive, streamsMax }: ProofRoutesDeps): void {
  const downloads = new Downloads({ streamsMax });
  app.get(
    "/api/draws/:draw/proof",
    {
      schema: {
        summary: "The proof file of a draw",
        description:
          "Canonical NDJSON; grows with each drawn window until the draw is closed. Check it with `wanhui verify`.",
        tags,
        params,
        produces: ["application/x-ndjson"],
      },
    },
    async (request, reply) => {
      const { draw } = request.params;
      const proof = await archive.open(draw as DrawId);
      if (proof === null) throw problem("proof.unknown");
      reply.header("etag", proof.etag).header("cache-control", "no-cache");
      if (request.headers["if-none-match"] === proof.etag) return reply.code(304).send();
      // Who asks only for the length is told it without a look at the disk.
      const stream = request.method === "HEAD" ? Readable.from([]) : downloads.begin(proof.chunks());
      if (stream === null) throw problem("proof.busy");
      return reply
        .type("application/x-ndjson; charset=utf-8")
        .header("content-length", proof.bytes)
        .header("content-disposition", `inline; filename="${draw.replaceAll("/", "-")}.proof.ndjson"`)
        .send(stream);
    },
  );
}

function receiptRoute(app: App, { receipts, userOf }: ProofRoutesDeps): void {
  app.get(
    "/api/draws/:draw/receipt",
    {
      // Any window of any draw can be asked for, and one not in memory is a query and a batch of the journal.
      config: { limit: "read" },
      schema: {
        summary: "The receipt of your entry in a window",
        tags,
        params,
        querystring: z.object({ window: z.coerce.number().int().min(0).max(WINDOW_NUMBER_MAX) }),
        response: {
          200: receiptSchema,
          ...problemResponses("auth.missing", "entry.unknown", "body.invalid", "rate.limited"),
        },
      },
    },
    async (request) => {
      const user = userOf(request);
      const { draw } = request.params;
      const receipt = await receipts.receipt({ draw: draw as DrawId, window: request.query.window, user });
      if (receipt === null) throw problem("entry.unknown");
      return { ...receipt, path: [...receipt.path] };
    },
  );
}

function witnessRoute(app: App, { archive, witnesses }: ProofRoutesDeps): void {
  app.post(
    "/api/draws/:draw/witness",
    {
      schema: {
        summary: "A declared witness's signature over a seal it heard",
        tags,
        params,
        body: witnessBody,
        response: {
          200: z.object({ inTime: z.boolean().describe("Heard before the seed was due: it counts.") }),
          ...problemResponses(
            "proof.unknown",
            "witness.undeclared",
            "witness.unknown_seal",
            "witness.bad_signature",
            "body.invalid",
          ),
        },
      },
    },
    async (request) => {
      const story = archive.story(request.params.draw as DrawId);
      if (story === undefined) throw problem("proof.unknown");
      const { sealHash, ...rest } = request.body;
      const answer = await witnesses.accept(story, { ...rest, sealHash: sealHash as Hash });
      if (!answer.ok) throw problem(answer.code);
      return { inTime: answer.inTime };
    },
  );
}
