import type { Address } from "@wanhui/protocol";
import { z } from "zod";
import { readAddress } from "../orders/mod.ts";

/** What a claim brings, by the kind of the prize. */
export type ClaimBody =
  | { readonly kind: "goods"; readonly address: Address }
  | { readonly kind: "coupon" }
  | { readonly kind: "cash" }
  | { readonly kind: "right"; readonly name: string; readonly contact: string };

const PHONE = /^\+?\d{5,15}$/;
const MAILBOX = /^[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+$/;

const field = z.string().max(128).optional();

/** Shape of the body, for the documentation and the first check; what a country's form asks for is read after it. */
export const claimBodySchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("goods"),
    address: z
      .object({
        name: field,
        phone: field,
        country: z.string().max(2).describe("ISO 3166-1, two capital letters"),
        region: field.describe("Province or state; needed in CN and US"),
        city: field,
        line1: field,
        line2: field,
        postcode: field.describe("Needed in US and GB"),
      })
      .describe("The minimum per country: CN, US and GB have forms of their own"),
  }),
  z.object({ kind: z.literal("coupon") }),
  z.object({ kind: z.literal("cash") }),
  z.object({
    kind: z.literal("right"),
    name: z.string().trim().min(1, "name must have at least 1 character").max(64),
    contact: z
      .string()
      .trim()
      .max(128)
      .transform((text) => (text.includes("@") ? text : text.replace(/[\s().-]/g, "")))
      .refine(
        (text) => PHONE.test(text) || MAILBOX.test(text),
        "contact must be a phone number or a mailbox",
      ),
  }),
]);

/** Reads a claim's body in full; names the first field that breaks its rule (CL5). */
export function readClaimBody(
  body: z.infer<typeof claimBodySchema>,
):
  | { readonly ok: true; readonly body: ClaimBody }
  | { readonly ok: false; readonly field: string; readonly rule: string } {
  if (body.kind !== "goods") return { ok: true, body };
  const read = readAddress(body.address);
  if (!read.ok) return { ok: false, field: `address.${read.field}`, rule: read.rule };
  return { ok: true, body: { kind: "goods", address: read.address } };
}
