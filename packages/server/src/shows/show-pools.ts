import type { AwardKind, Money } from "@wanhui/protocol";
import { type ClaimDefinition, type PoolDefinition, SHOW_LIMITS } from "./definition.ts";
import { readDuration, readOptionalText, readPicture, readSlug, readText, readTitle } from "./show-values.ts";
import type { Field, FieldMap, FieldReader } from "./yaml-fields.ts";

const poolFields = [
  "pool",
  "kind",
  "title",
  "detail",
  "picture",
  "sponsor",
  "units",
  "perUser",
  "currency",
  "worthMinor",
  "priceMinor",
  "valueMinor",
  "claim",
];
const claimFields = ["within", "payWithin", "validFor"];
const kinds = ["goods", "coupon", "cash", "right"] as const satisfies readonly AwardKind[];

/** SH9: time for a weekend away before an award lapses. */
const CLAIM_TTL_MS_DEFAULT = 48 * 3_600_000;
/** SH9: what payment pages usually give. */
const PAY_TTL_MS_DEFAULT = 15 * 60_000;
/** SH9: a month to use a coupon. */
const COUPON_VALID_MS_DEFAULT = 30 * 86_400_000;

/** Reads a currency code: three capital letters the platform knows by name (ISO 4217). */
export function readCurrency(reader: FieldReader, at: Field): string | undefined {
  const code = reader.text(at);
  if (code === undefined) return undefined;
  if (/^[A-Z]{3}$/u.test(code) && Intl.supportedValuesOf("currency").includes(code)) return code;
  reader.problem(at, "SH8", `\`${code}\` is not an ISO 4217 currency such as CNY or EUR`);
  return undefined;
}

/** A cap of units for one person: a number, `none`, or left out. */
export function readCap(
  reader: FieldReader,
  fields: FieldMap,
  options: { rule: string; noneAllowed: boolean },
): number | null | undefined {
  const at = fields.get("perUser");
  if (at === null) return 1;
  if (options.noneAllowed && isNone(at)) return null;
  return reader.integer(at, options.rule, 1, SHOW_LIMITS.unitsMax);
}

/** Whether a field says `none`. */
export function isNone(at: Field): boolean {
  return at.node !== null && "value" in at.node && at.node.value === "none";
}

/** Reads how long a winner may take, `none` for at once [SH9]. */
export function readClaimTtl(reader: FieldReader, at: Field, kind: AwardKind | undefined) {
  if (!isNone(at)) {
    return readDuration(reader, at, { rule: "SH9", minMs: 60_000, maxMs: SHOW_LIMITS.claimTtlMsMax });
  }
  if (kind === "goods" || kind === "right") {
    const why = kind === "goods" ? "an address" : "a name";
    reader.problem(at, "SH9", `a prize of kind ${kind} needs ${why}, so it must be claimed: give a time`);
    return undefined;
  }
  return null;
}

function readClaim(reader: FieldReader, fields: FieldMap, kind: AwardKind | undefined) {
  const at = fields.get("claim");
  const none: ClaimDefinition = {
    ttlMs: CLAIM_TTL_MS_DEFAULT,
    payTtlMs: PAY_TTL_MS_DEFAULT,
    validMs: COUPON_VALID_MS_DEFAULT,
  };
  if (at === null) return none;
  const claim = reader.map(at, claimFields);
  if (claim === undefined) return undefined;
  const within = claim.get("within");
  const ttlMs = within === null ? none.ttlMs : readClaimTtl(reader, within, kind);
  const timeFor = (name: string, owner: AwardKind, otherwise: number, minMs: number) => {
    const field = claim.get(name);
    if (field === null) return otherwise;
    if (kind !== undefined && kind !== owner) {
      reader.problem(field, "SH9", `\`${name}\` is for ${owner} only, this is ${kind}`);
      return undefined;
    }
    return readDuration(reader, field, { rule: "SH9", minMs, maxMs: SHOW_LIMITS.claimTtlMsMax });
  };
  const payTtlMs = timeFor("payWithin", "goods", none.payTtlMs, 60_000);
  const validMs = timeFor("validFor", "coupon", none.validMs, 3_600_000);
  if (ttlMs === undefined || payTtlMs === undefined || validMs === undefined) return undefined;
  return { ttlMs, payTtlMs, validMs };
}

/** Reads an amount that this kind must have, or must not have (then it is 0) [SH8]. */
function readAmount(
  reader: FieldReader,
  fields: FieldMap,
  options: { name: string; wanted: boolean; kind: string; minMinor: number; maxMinor: number },
): number | undefined {
  const { name, wanted, kind, minMinor, maxMinor } = options;
  if (wanted) {
    const at = fields.need(name);
    return at === null ? undefined : reader.integer(at, "SH8", minMinor, maxMinor);
  }
  const at = fields.get(name);
  if (at === null) return 0;
  reader.problem(at, "SH8", `a prize of kind ${kind} has no \`${name}\`: leave it out`);
  return undefined;
}

function readMoney(
  reader: FieldReader,
  fields: FieldMap,
  kind: AwardKind,
  currency: string | undefined,
): { worth: Money; price: Money; value: Money | null } | undefined {
  const most = SHOW_LIMITS.amountMinorMax;
  const hasValue = kind === "coupon" || kind === "cash";
  const limits = { kind, minMinor: 1, maxMinor: most };
  const value = readAmount(reader, fields, { ...limits, name: "valueMinor", wanted: hasValue });
  // A coupon or cash is worth its value unless the file says otherwise.
  const worth =
    hasValue && fields.get("worthMinor") === null
      ? value
      : readAmount(reader, fields, { ...limits, name: "worthMinor", wanted: true });
  const price = readAmount(reader, fields, {
    ...limits,
    name: "priceMinor",
    wanted: kind === "goods",
    maxMinor: worth === undefined || worth === 0 ? most : worth,
  });
  if (value === undefined || worth === undefined || price === undefined || currency === undefined) {
    return undefined;
  }
  return {
    worth: { amountMinor: worth, currency },
    price: { amountMinor: price, currency },
    value: hasValue ? { amountMinor: value, currency } : null,
  };
}

/** Reads one pool; undefined when something in it is wrong. `currency` is the show's own. */
export function readPool(
  reader: FieldReader,
  fields: FieldMap,
  showCurrency: string | undefined,
): PoolDefinition | undefined {
  const pool = readSlug(reader, fields.need("pool"));
  const kindField = fields.need("kind");
  const kind = kindField === null ? undefined : reader.word(kindField, "SH8", kinds);
  const title = readTitle(reader, fields, "title");
  const detailField = fields.need("detail");
  const detail =
    detailField === null ? undefined : readText(reader, detailField, SHOW_LIMITS.detailCharactersMax);
  const picture = readPicture(reader, fields);
  const sponsor = readOptionalText(reader, fields, "sponsor", SHOW_LIMITS.titleCharactersMax);
  const unitsField = fields.need("units");
  const units = unitsField === null ? undefined : reader.integer(unitsField, "SH8", 1, SHOW_LIMITS.unitsMax);
  const capPerUser = readCap(reader, fields, { rule: "SH8", noneAllowed: true });
  const currencyField = fields.get("currency");
  const currency = currencyField === null ? showCurrency : readCurrency(reader, currencyField);
  if (currencyField === null && showCurrency === undefined) fields.need("currency");
  const money = kind === undefined ? undefined : readMoney(reader, fields, kind, currency);
  const claim = readClaim(reader, fields, kind);
  if (pool === undefined || kind === undefined || title === undefined || detail === undefined)
    return undefined;
  if (picture === undefined || sponsor === undefined || units === undefined) return undefined;
  if (capPerUser === undefined || money === undefined || claim === undefined) return undefined;
  return { pool, kind, title, detail, picture, sponsor, units, capPerUser, claim, ...money };
}

export { poolFields };
