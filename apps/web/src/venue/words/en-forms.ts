import type { AddressLabels, AddressStyle } from "./zh-forms.ts";

export const enForms: Readonly<Record<AddressStyle, AddressLabels>> = {
  cn: {
    region: "Province",
    city: "City and district",
    line1: "Street and number",
    line2: "Building, unit, room",
    postcode: "Postal code",
  },
  jp: {
    region: "Prefecture",
    city: "City, ward or town",
    line1: "District and number",
    line2: "Building, room",
    postcode: "Postal code",
  },
  us: {
    region: "State",
    city: "City",
    line1: "Street address",
    line2: "Apartment, suite",
    postcode: "ZIP code",
  },
  ca: {
    region: "Province or territory",
    city: "City",
    line1: "Street address",
    line2: "Apartment, suite",
    postcode: "Postal code",
  },
  gb: {
    region: "County",
    city: "Town or city",
    line1: "Street address",
    line2: "Flat, building",
    postcode: "Postcode",
  },
  au: {
    region: "State or territory",
    city: "Suburb",
    line1: "Street address",
    line2: "Unit, level",
    postcode: "Postcode",
  },
  city: {
    region: "Region",
    city: "District",
    line1: "Street and building",
    line2: "Floor, unit",
    postcode: "Postal code",
  },
  general: {
    region: "State or province",
    city: "City",
    line1: "Street and number",
    line2: "Floor, room",
    postcode: "Postal code",
  },
};
