import { Readable } from "node:stream";
import type { DrawId, Hash, UserId } from "@wanhui/core";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type App, problem, problemResponses } from "../http/mod.ts";
import type { ProofArchive } from "./proof-archive.ts";
import type { TickReceipts } from "./tick-receipts.ts";
import type { WitnessStore } from "./witnesses.ts";

export type ProofRoutesDeps = {
  readonly archive: Pick<ProofArchive, "open" | "story">;
  readonly receipts: Pick<TickReceipts, "receipt">;
  readonly witnesses: WitnessStore;
  /** The signed-in user of a request; throws the problem `auth.missing` when there is none. */
  readonly userOf: (request: FastifyRequest) => UserId;
};

const tags = ["proofs"];
const params = z.object({ draw: z.string().max(128).describe("The draw's id, its `/` written as `%2F`.") });
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

/** Proof files, receipts, witnesses' signatures and the signed records of a draw (docs/spec/proof.md). */
export function proofRoutes(app: App, deps: ProofRoutesDeps): void {
  proofFile(app, deps);
  receiptRoute(app, deps);
  witnessRoute(app, deps);

  app.get(
    "/api/draws/:draw/headers",
    {
      schema: {
        summary: "The signed records of a draw so far: arm, seals, gaps, stop, close",
        tags,
        params,
        response: {
          200: z.object({
            draw: z.string(),
            showKey: hex(32),
            rules: recordSchema,
            records: z.array(
              z.object({ kind: z.string(), record: recordSchema, hash: hex(32), signature: hex(64) }),
            ),
          }),
          ...problemResponses("proof.unknown"),
        },
      },
    },
    async (request) => {
      const { draw } = request.params;
      const story = deps.archive.story(draw as DrawId);
      if (story === undefined) throw problem("proof.unknown");
      const records = story.records.map((one) => ({ ...one, record: { ...one.record } }));
      return { draw, showKey: story.rules.showKey, rules: { ...story.rules }, records };
    },
  );
}

function proofFile(app: App, { archive }: ProofRoutesDeps): void {
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
      return reply
        .type("application/x-ndjson; charset=utf-8")
        .header("content-length", proof.bytes)
        .header("content-disposition", `inline; filename="${draw.replaceAll("/", "-")}.proof.ndjson"`)
        .send(Readable.from(proof.chunks()));
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
        querystring: z.object({ window: z.coerce.number().int().min(0).max(0xffff_ffff) }),
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
