import { z } from "zod";
import { moneySchema, orderViewSchema, textSchema } from "../orders/mod.ts";

// What the HTTP interface says of awards; the same shapes as @wanhui/protocol's views.

const prizeSchema = z.object({
  pool: z.string(),
  slug: z.string(),
  kind: z.enum(["goods", "coupon", "cash", "right"]),
  title: textSchema,
  detail: textSchema,
  picture: z.string().nullable(),
  worth: moneySchema,
  price: moneySchema,
  value: moneySchema.nullable(),
  sponsor: textSchema.nullable(),
  promised: z.int(),
  left: z.int(),
});

const claimSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("order"), order: orderViewSchema }),
  z.object({ type: z.literal("coupon"), code: z.string(), validUntilMs: z.int() }),
  z.object({ type: z.literal("credit"), amount: moneySchema, creditedAtMs: z.int() }),
  z.object({
    type: z.literal("right"),
    reference: z.string(),
    contact: z.string().describe("Shortened for the screen"),
    registeredAtMs: z.int(),
  }),
]);

export const awardViewSchema = z.object({
  awardId: z.string(),
  prize: prizeSchema,
  draw: z.string().nullable().describe("The draw it was won in, null when grabbed"),
  window: z.int().nullable(),
  wonAtMs: z.int(),
  state: z.enum(["held", "committing", "posted", "expired", "forfeited"]),
  claimByMs: z.int().nullable(),
  reason: z.string().nullable(),
  claim: claimSchema.nullable().describe("What the claim turned it into"),
});
