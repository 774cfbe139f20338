import { z } from "zod";

// What the HTTP interface says of orders; the same shapes as @wanhui/protocol's views.

export const textSchema = z.object({ zh: z.string(), en: z.string() });
export const moneySchema = z.object({ amountMinor: z.int(), currency: z.string() });

export const orderViewSchema = z.object({
  orderId: z.string(),
  awardId: z.string(),
  title: textSchema,
  state: z.enum(["placed", "paid", "expired"]),
  amount: moneySchema,
  placedAtMs: z.int(),
  paidAtMs: z.int().nullable(),
  payByMs: z.int(),
  payUrl: z.string().nullable().describe("Where to pay, while placed: a path of this server"),
  refundDue: z.boolean(),
  shipTo: z.string().describe("Shortened for the screen"),
});

/** An id as it stands in an address: 16 bytes in hex. */
export const idSchema = z.string().regex(/^[0-9a-f]{32}$/, "must be 32 lower-case hex characters");
