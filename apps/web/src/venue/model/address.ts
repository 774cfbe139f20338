// The address form's rules: which countries, how they name their fields, and what is plainly wrong before it is sent.

import type { Address } from "@wanhui/protocol";
import type { AddressStyle } from "../words/zh-forms.ts";

/** Where prizes are sent, as ISO 3166-1 codes. */
export const COUNTRIES = [
  "CN",
  "HK",
  "MO",
  "JP",
  "KR",
  "SG",
  "MY",
  "TH",
  "US",
  "CA",
  "GB",
  "DE",
  "FR",
  "AU",
] as const;

/** Which set of field names a country uses. */
export function addressStyle(country: string): AddressStyle {
  switch (country) {
    case "CN":
      return "cn";
    case "JP":
      return "jp";
    case "US":
      return "us";
    case "CA":
      return "ca";
    case "GB":
      return "gb";
    case "AU":
      return "au";
    case "HK":
    case "MO":
    case "SG":
      return "city";
    default:
      return "general";
  }
}

/** Fields in the order the country writes them: from the largest place to the door, or the other way round. */
export function fieldOrder(country: string): readonly (keyof Address)[] {
  const large: readonly (keyof Address)[] = ["region", "city", "line1", "line2", "postcode"];
  const small: readonly (keyof Address)[] = ["line1", "line2", "city", "region", "postcode"];
  const style = addressStyle(country);
  const places = style === "cn" || style === "jp" || style === "city" ? large : small;
  return ["name", "phone", ...places];
}

const POSTCODES: Readonly<Record<string, RegExp>> = {
  CN: /^\d{6}$/,
  JP: /^\d{3}-?\d{4}$/,
  KR: /^\d{5}$/,
  SG: /^\d{6}$/,
  MY: /^\d{5}$/,
  TH: /^\d{5}$/,
  US: /^\d{5}(-\d{4})?$/,
  CA: /^[A-Za-z]\d[A-Za-z] ?\d[A-Za-z]\d$/,
  GB: /^[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2}$/,
  DE: /^\d{5}$/,
  FR: /^\d{5}$/,
  AU: /^\d{4}$/,
};

/** Countries where parcels arrive without a postcode. */
const NO_POSTCODE_NEEDED = new Set(["CN", "HK", "MO"]);
/** Countries whose addresses need no region. */
const NO_REGION_NEEDED = new Set(["GB", "DE", "FR", "SG", "HK", "MO"]);

/** Whether a field may stay empty in a country. */
export function isOptional(country: string, field: keyof Address): boolean {
  if (field === "line2") return true;
  if (field === "postcode") return NO_POSTCODE_NEEDED.has(country);
  if (field === "region") return NO_REGION_NEEDED.has(country);
  return false;
}

export type FieldFault = "required" | "badPhone" | "badContact" | "badPostcode" | "tooLong" | "refused";

/** Longest content of a field; the server's schema says the same or more. */
export const FIELD_CHARS_MAX = 120;

function faultOf(address: Address, field: keyof Address): FieldFault | null {
  const value = address[field].trim();
  if (value === "") return isOptional(address.country, field) ? null : "required";
  if (value.length > FIELD_CHARS_MAX) return "tooLong";
  if (field === "phone" && !isPhone(value)) return "badPhone";
  const pattern = POSTCODES[address.country];
  if (field === "postcode" && pattern !== undefined && !pattern.test(value)) return "badPostcode";
  return null;
}

/** Whether a text can be dialled: 6 to 15 digits (E.164) with the usual signs between. */
export function isPhone(value: string): boolean {
  const digits = value.replaceAll(/\D/g, "").length;
  return /^\+?[\d\s().-]+$/.test(value) && digits >= 6 && digits <= 15;
}

/** Whether a text is a phone number or looks like an e-mail address. */
export function isContact(value: string): boolean {
  return isPhone(value) || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value);
}

/** What is wrong with an address, by field; empty when it can be sent. */
export function addressFaults(address: Address): Partial<Record<keyof Address, FieldFault>> {
  const faults: Partial<Record<keyof Address, FieldFault>> = {};
  for (const field of fieldOrder(address.country)) {
    const fault = faultOf(address, field);
    if (fault !== null) faults[field] = fault;
  }
  return faults;
}

/** An address with the space around every field taken off. */
export function trimmed(address: Address): Address {
  return Object.fromEntries(Object.entries(address).map(([key, value]) => [key, value.trim()])) as Address;
}

/** An empty address for a country. */
export function emptyAddress(country: string): Address {
  return { name: "", phone: "", country, region: "", city: "", line1: "", line2: "", postcode: "" };
}
