// Names of address fields, per country's way of writing addresses.

/** Labels of one country's address form. */
export type AddressLabels = {
  readonly region: string;
  readonly city: string;
  readonly line1: string;
  readonly line2: string;
  readonly postcode: string;
};

/** Which set of labels a country uses. */
export type AddressStyle = "cn" | "jp" | "us" | "ca" | "gb" | "au" | "city" | "general";

export const zhForms: Readonly<Record<AddressStyle, AddressLabels>> = {
  cn: {
    region: "省、自治区或直辖市",
    city: "市和区县",
    line1: "街道与门牌",
    line2: "楼栋、单元、房号",
    postcode: "邮政编码",
  },
  jp: { region: "都道府县", city: "市区町村", line1: "丁目、番地", line2: "楼名、房号", postcode: "邮编" },
  us: { region: "州", city: "城市", line1: "街道地址", line2: "公寓、房号", postcode: "ZIP 邮编" },
  ca: { region: "省或地区", city: "城市", line1: "街道地址", line2: "公寓、房号", postcode: "邮编" },
  gb: { region: "郡", city: "城镇", line1: "街道地址", line2: "公寓、房号", postcode: "邮编" },
  au: { region: "州或领地", city: "郊区", line1: "街道地址", line2: "公寓、房号", postcode: "邮编" },
  city: { region: "地区", city: "区", line1: "街道与大厦", line2: "楼层、单元", postcode: "邮编" },
  general: { region: "省或州", city: "城市", line1: "街道与门牌", line2: "楼层、房号", postcode: "邮编" },
};
