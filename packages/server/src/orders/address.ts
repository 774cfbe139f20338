import type { Address } from "@wanhui/protocol";
import { z } from "zod";

// What a parcel needs, per country. Minimum and not maximum: a form that refuses a real address loses a winner.

/** Letters of any script, digits and what addresses are written with; no control characters, nothing invisible. */
const PRINTABLE = /^[^\p{C}\p{Zl}\p{Zp}]*$/u;

function text(field: string, options: { min: number; max: number }) {
  const needed = options.min === 0 ? "" : ` of at least ${options.min} characters`;
  return z
    .string(`${field} is a text${needed}`)
    .trim()
    .min(options.min, `${field} must have at least ${options.min} characters`)
    .max(options.max, `${field} must have at most ${options.max} characters`)
    .regex(PRINTABLE, `${field} must not hold control characters`);
}

/** Spaces, hyphens, dots and brackets are how people write numbers; what counts is digits with an optional plus. */
const phone = text("phone", { min: 5, max: 32 })
  .transform((written) => written.replace(/[\s().-]/g, ""))
  .pipe(z.string().regex(/^\+?\d{5,15}$/, "phone must have 5 to 15 digits, with or without a country code"));

const common = {
  name: text("name", { min: 1, max: 64 }),
  phone,
  region: text("region", { min: 0, max: 64 }).default(""),
  city: text("city", { min: 1, max: 64 }),
  line1: text("line1", { min: 2, max: 128 }),
  line2: text("line2", { min: 0, max: 128 }).default(""),
  postcode: text("postcode", { min: 0, max: 16 }).default(""),
};

const US_STATES = new Set(
  (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK " +
    "OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI AA AE AP"
  ).split(" "),
);

const china = z.object({
  ...common,
  country: z.literal("CN"),
  phone: phone.pipe(
    z
      .string()
      .regex(
        /^(?:(?:\+?86)?1[3-9]\d{9}|(?:0|\+?86)[1-9]\d{1,2}[2-9]\d{6,7})$/,
        "phone must be a mainland mobile (11 digits) or a landline with its area code",
      ),
  ),
  region: text("region", { min: 2, max: 64 }),
  postcode: text("postcode", { min: 0, max: 16 })
    .default("")
    .pipe(z.string().regex(/^(?:\d{6})?$/, "postcode must have 6 digits, or be left empty")),
});

const america = z.object({
  ...common,
  country: z.literal("US"),
  region: text("region", { min: 2, max: 64 })
    .toUpperCase()
    .refine((code) => US_STATES.has(code), "region must be a state's two letters, such as NY"),
  postcode: text("postcode", { min: 1, max: 16 }).pipe(
    z.string().regex(/^\d{5}(?:-\d{4})?$/, "postcode must be a ZIP code, such as 10001 or 10001-1234"),
  ),
});

const britain = z.object({
  ...common,
  country: z.literal("GB"),
  postcode: text("postcode", { min: 1, max: 16 })
    .toUpperCase()
    .pipe(
      z
        .string()
        .regex(
          /^(?:GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})$/,
          "postcode must be a British postcode, such as SW1A 1AA",
        ),
    ),
});

/** Every other country: what the international post asks for at the least. */
const elsewhere = z.object({
  ...common,
  country: z
    .string("country is two letters")
    .regex(/^[A-Z]{2}$/, "country must be two capital letters, such as DE (ISO 3166-1)")
    .refine((code) => !["CN", "US", "GB"].includes(code), "country has a form of its own"),
});

const forms: Readonly<Record<string, z.ZodType<Address>>> = { CN: china, US: america, GB: britain };

/** What a form said wrong: the field's name and, in words, what it must keep. */
export type AddressProblem = { readonly field: string; readonly rule: string };

/**
 * Reads an address in its country's form (CL5): trims, normalises, and names the first field that cannot be delivered to.
 *
 * @param input what came in; fields that no form has are dropped
 */
export function readAddress(
  input: unknown,
): { readonly ok: true; readonly address: Address } | ({ readonly ok: false } & AddressProblem) {
  const country =
    typeof input === "object" && input !== null && "country" in input ? String(input.country) : "";
  const form: z.ZodType<Address> = (Object.hasOwn(forms, country) ? forms[country] : undefined) ?? elsewhere;
  const read = form.safeParse(input);
  if (read.success) return { ok: true, address: read.data };
  const issue = read.error.issues[0];
  return { ok: false, field: String(issue?.path[0] ?? "country"), rule: issue?.message ?? "is malformed" };
}

function firstLetter(word: string): string {
  return [...word][0] ?? "";
}

/** `王***, 建国路8***, 北京市`: enough for the owner to know which address it is, too little for somebody looking over the shoulder. */
export function maskAddress(address: Address): string {
  const line = [...address.line1].slice(0, 4).join("");
  return `${firstLetter(address.name)}***, ${line}***, ${address.city}`;
}

/** `138****1234` for a phone, `l***@example.com` for a mailbox. */
export function maskContact(contact: string): string {
  const at = contact.lastIndexOf("@");
  if (at > 0) return `${firstLetter(contact)}***${contact.slice(at)}`;
  return contact.length < 8 ? `****${contact.slice(-2)}` : `${contact.slice(0, 3)}****${contact.slice(-4)}`;
}
