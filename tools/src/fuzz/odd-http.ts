import type { SeededRandom } from "../sim/random.ts";

// HTTP itself spoiled: lengths, codings, headers, paths, methods, upgrades.

const ODD_PATHS = [
  "/%00",
  "/..%2f..%2fetc/passwd",
  "/../../etc/passwd",
  "//",
  "///x",
  `/${"a".repeat(9_000)}`,
  "/%",
  "/api/%ff",
  "/api/draws/%00%ff/tap",
  "/pictures/..%2fshow.yaml",
  "/docs/static/..%2f..%2fx",
  "*",
  "http://[",
  "/api/session?a[]=1&a=%",
  "/ws",
  "/ws?ticket=x",
];
const ODD_METHODS = ["PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "HEAD", "PROPFIND", "get", "XYZ", ""];
const ODD_CHUNKS = ["zz\r\nx\r\n", "5\r\nab", "ffffffffffffffff\r\n", "1;x=\r\na\r\n0\r\n\r\n", "-1\r\n"];
const ODD_HEADERS = [
  "range: bytes=99999999-",
  "range: bytes=-0,0-0,1-1",
  'if-none-match: "x"',
  "accept-encoding: \x00",
  'cookie: wanhui=%; wanhui_staff="; =; __proto__=1',
  "authorization: Bearer",
  "authorization: Bearer u1..",
  "x-forwarded-for: x",
  "content-encoding: gzip",
  "if-modified-since: never",
  ": x",
  "x y: z",
  "expect: 100-continue",
  "expect: nonsense",
  "origin: null",
  "origin: https://evil.example",
  "origin: ",
  "origin: http://[",
];
/** What a body may say it is. */
export const ODD_TYPES = [
  "text/plain",
  "application/xml",
  "multipart/form-data; boundary=x",
  "application/json; charset=utf-16",
  "a",
  "",
  "application/x-www-form-urlencoded",
] as const;

type Spoiling = readonly [what: string, spoil: (text: string, random: SeededRandom) => string];

const withHeader = (text: string, line: string) => text.replace("\r\n", () => `\r\n${line}\r\n`);

const SPOILINGS: readonly Spoiling[] = [
  ["huge header", (text, random) => withHeader(text, `x-long: ${"a".repeat(random.between(8_000, 40_000))}`)],
  [
    "many headers",
    (text) => withHeader(text, Array.from({ length: 2_500 }, (_, n) => `x-${n}: 1`).join("\r\n")),
  ],
  [
    "chunked",
    (text, random) =>
      withHeader(text, "transfer-encoding: chunked")
        .replace(/content-length: \d+\r\n/, "")
        .concat(random.pick(ODD_CHUNKS)),
  ],
  [
    "two lengths",
    (text, random) =>
      withHeader(text, `content-length: ${random.pick(["0", "5", "-1", "1e3", "9".repeat(20)])}`),
  ],
  ["path", (text, random) => text.replace(/ \S+ /, () => ` ${random.pick(ODD_PATHS)} `)],
  ["method", (text, random) => text.replace(/^\S+/, () => random.pick(ODD_METHODS))],
  ["no host", (text) => text.replace(/host: .*\r\n/, "")],
  [
    "upgrade",
    (text, random) =>
      withHeader(
        text,
        `connection: upgrade\r\nupgrade: ${random.pick(["websocket", "h2c", "x"])}\r\n` +
          `sec-websocket-protocol: ${random.pick(["wanhui.1", "x", ""])}`,
      ),
  ],
  ["headers", (text, random) => withHeader(text, random.pick(ODD_HEADERS))],
  ["headers", (text, random) => withHeader(text, random.pick(ODD_HEADERS))],
];

/** A request's text with one thing wrong below our own words. */
export function spoilRequest(
  text: string,
  random: SeededRandom,
): { readonly what: string; readonly text: string } {
  const [what, spoil] = random.pick(SPOILINGS);
  return { what, text: spoil(text, random) };
}
