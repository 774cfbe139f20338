import { z } from "zod";
import { NATS_URL_RULE, type NatsAddress, natsUrlForPeople, readNatsUrl } from "../bus/mod.ts";

/** One setting: where it comes from, what it may be, what it means. The table below is also the manual. */
type Setting<Schema extends z.ZodType> = {
  /** Environment variable. */
  env: string;
  /** Command-line flag without the dashes; a flag wins over the variable. */
  flag: string;
  schema: Schema;
  /** The default in words, as printed by `wanhui config`. */
  byDefault: string;
  meaning: string;
  /** The value may carry a password and is never printed, or only as this makes it. */
  secret?: true | ((value: string) => string);
  /** A flag that stands alone: `--tls`. */
  isSwitch?: true;
};

function setting<Schema extends z.ZodType>(value: Setting<Schema>): Setting<Schema> {
  return value;
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol);
}

const databaseUrl = z
  .string()
  .refine(
    (text) => isUrl(text, ["postgres:", "postgresql:"]),
    "must be postgres://user:password@host:port/database",
  );

const natsUrl = z.string().transform((text, context): NatsAddress => {
  const address = readNatsUrl(text);
  if (address !== null) return address;
  context.addIssue({ code: "custom", message: NATS_URL_RULE });
  return z.NEVER;
});

const webUrl = z
  .string()
  .refine((text) => isUrl(text, ["http:", "https:"]), "must be an http:// or https:// address");

/** Scheme, host and port and nothing else, as browsers send it: compared exactly, so written exactly. */
const origin = z
  .string()
  .refine(
    (text) => isUrl(text, ["http:", "https:"]) && new URL(text).origin === text.replace(/\/$/, ""),
    "must be scheme://host[:port] without a path",
  )
  .transform((text) => new URL(text).origin);

const list = <Output>(item: z.ZodType<Output, string>) =>
  z
    .string()
    .transform((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    )
    .pipe(z.array(item));

const switchWords = new Map([
  ["true", true],
  ["1", true],
  ["on", true],
  ["yes", true],
  ["false", false],
  ["0", false],
  ["off", false],
  ["no", false],
  ["", false],
]);

const onOff = z
  .string()
  .refine((text) => switchWords.has(text.toLowerCase()), "must be on or off")
  .transform((text) => switchWords.get(text.toLowerCase()) === true);

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .refine((text) => /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max, {
      message: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);

const proxyPattern = /^(loopback|linklocal|uniquelocal|[0-9a-f.:]+(\/\d{1,3})?)$/i;

const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, { error: `must be one of ${words.join(", ")}` });

/** Every setting of the server, in the order the manual prints them. */
export const settings = {
  dataFolder: setting({
    env: "WANHUI_DATA",
    flag: "data",
    schema: z.string().min(1, "must not be empty").default(".wanhui"),
    byDefault: ".wanhui",
    meaning: "folder for the embedded database, keys, uploads and logs; one server per folder",
  }),
  databaseUrl: setting({
    env: "DATABASE_URL",
    flag: "database-url",
    schema: databaseUrl.optional(),
    byDefault: "embedded PostgreSQL",
    meaning:
      "a PostgreSQL 15 or newer of your own, connected to directly and not through a transaction pooler",
    secret: true,
  }),
  databaseConnectionsMax: setting({
    env: "DATABASE_CONNECTIONS",
    flag: "database-connections",
    schema: wholeNumber(4, 200).default(12),
    byDefault: "12",
    meaning: "database connections shared by everything but the journal, which takes up to 6 more of its own",
  }),
  nats: setting({
    env: "NATS_URL",
    flag: "nats-url",
    schema: natsUrl.optional(),
    byDefault: "none: this process works alone",
    meaning:
      "NATS server that carries messages between several processes of one night (`wanhui start --join`): " +
      "nats://host:port or tls://host:port, with user:password@ or token@ before the host where it asks for one; several " +
      "servers of one cluster separated by commas. A login belongs in the variable: the machine shows flags to everybody",
    secret: natsUrlForPeople,
  }),
  host: setting({
    env: "HOST",
    flag: "host",
    schema: z.string().min(1, "must not be empty").default("0.0.0.0"),
    byDefault: "0.0.0.0",
    meaning: "address to listen on; 127.0.0.1 keeps phones and other machines out",
  }),
  port: setting({
    env: "PORT",
    flag: "port",
    schema: wholeNumber(0, 65_535).default(8080),
    byDefault: "8080",
    meaning: "port to listen on; when it is busy the next free one is taken and printed",
  }),
  socketsMax: setting({
    env: "SOCKETS_MAX",
    flag: "sockets-max",
    schema: wholeNumber(1, 1_000_000).optional(),
    byDefault: "by memory: a quarter of it at 64 KiB each (8 GiB: 32768)",
    meaning:
      "viewers' sockets this process holds at most; one more is told to come back later and polls meanwhile",
  }),
  snapshotEvents: setting({
    env: "SNAPSHOT_EVENTS",
    flag: "snapshot-events",
    schema: wholeNumber(1, 1_000_000_000).default(500_000),
    byDefault: "500000: replayed in about a second",
    meaning:
      "events of a shard that make an end in order keep a snapshot, so that the next start need not read them again",
  }),
  publicUrl: setting({
    env: "PUBLIC_URL",
    flag: "public-url",
    schema: origin.optional(),
    byDefault: "the address listened on",
    meaning: "address people use, when a proxy stands in front",
  }),
  allowedOrigins: setting({
    env: "ALLOWED_ORIGINS",
    flag: "allowed-origins",
    schema: list(origin).default([]),
    byDefault: "the public address",
    meaning:
      "further web origins whose pages may use the API and hold the venue page in a frame, separated by commas, compared exactly",
  }),
  trustProxy: setting({
    env: "TRUST_PROXY",
    flag: "trust-proxy",
    schema: list(
      z.string().regex(proxyPattern, "must be addresses, networks (10.0.0.0/8) or `loopback`"),
    ).default([]),
    byDefault: "nobody",
    meaning: "proxies whose X-Forwarded-* headers are believed: addresses, networks or loopback",
  }),
  tls: setting({
    env: "TLS",
    flag: "tls",
    schema: onOff.default(false),
    byDefault: "off",
    meaning: "serve https, which phones require for motion sensors; makes a certificate when none is named",
    isSwitch: true,
  }),
  tlsCert: setting({
    env: "TLS_CERT",
    flag: "tls-cert",
    schema: z.string().min(1, "must not be empty").optional(),
    byDefault: "generated",
    meaning: "certificate chain, PEM file; switches TLS on",
  }),
  tlsKey: setting({
    env: "TLS_KEY",
    flag: "tls-key",
    schema: z.string().min(1, "must not be empty").optional(),
    byDefault: "generated",
    meaning: "private key of the certificate, PEM file",
  }),
  jwtIssuer: setting({
    env: "JWT_ISSUER",
    flag: "jwt-issuer",
    schema: z.string().min(1, "must not be empty").optional(),
    byDefault: "none",
    meaning: "issuer (iss) of your own platform's sign-in tokens",
  }),
  jwtJwksUrl: setting({
    env: "JWT_JWKS_URL",
    flag: "jwt-jwks-url",
    schema: webUrl.optional(),
    byDefault: "none",
    meaning: "where your platform publishes the keys that sign those tokens (JWKS)",
  }),
  jwtAudience: setting({
    env: "JWT_AUDIENCE",
    flag: "jwt-audience",
    schema: z.string().min(1, "must not be empty").optional(),
    byDefault: "none",
    meaning: "audience (aud) those tokens must name, so that a token for another service is refused here",
  }),
  beacon: setting({
    env: "BEACON",
    flag: "beacon",
    schema: oneOf(["auto", "drand", "dev"]).default("auto"),
    byDefault: "auto",
    meaning: "source of chance: drand (public), dev (local, unsafe), auto (drand when reachable at arming)",
  }),
  drandUrls: setting({
    env: "DRAND_URLS",
    flag: "drand-urls",
    schema: list(webUrl)
      .refine((urls) => urls.length > 0, "must name at least one address")
      .default(["https://api.drand.sh", "https://drand.cloudflare.com"]),
    byDefault: "https://api.drand.sh,https://drand.cloudflare.com",
    meaning: "drand relays, asked in this order; answers are verified, so a relay need not be trusted",
  }),
  drandFile: setting({
    env: "DRAND_FILE",
    flag: "drand-file",
    schema: z.string().min(1, "must not be empty").optional(),
    byDefault: "none",
    meaning: "file of drand rounds, one JSON object per line, fed by the operator instead of asking relays",
  }),
  sandboxPort: setting({
    env: "SANDBOX_PORT",
    flag: "sandbox-port",
    schema: wholeNumber(0, 65_535).default(8090),
    byDefault: "8090",
    meaning: "port of the sandbox payment page, an origin of its own; when busy the next free one is taken",
  }),
  sandboxPublicUrl: setting({
    env: "SANDBOX_PUBLIC_URL",
    flag: "sandbox-public-url",
    schema: origin.optional(),
    byDefault: "the address listened on",
    meaning: "address people reach the sandbox payment page by, when a proxy stands in front",
  }),
  showFile: setting({
    env: "SHOW_FILE",
    flag: "show",
    schema: z.string().min(1, "must not be empty").optional(),
    byDefault: "the example spring gala",
    meaning: "show file to play",
  }),
  metricsToken: setting({
    env: "METRICS_TOKEN",
    flag: "metrics-token",
    schema: z.string().min(16, "must have 16 characters or more").optional(),
    byDefault: "none: /metrics answers this machine alone, and nobody behind a proxy",
    meaning: "what Prometheus shows to read /metrics, as a bearer token",
    secret: true,
  }),
  logLevel: setting({
    env: "LOG_LEVEL",
    flag: "log-level",
    schema: oneOf(["debug", "info", "warn", "error", "silent"]).default("info"),
    byDefault: "info",
    meaning: "debug, info, warn, error or silent",
  }),
  logFile: setting({
    env: "LOG_FILE",
    flag: "log-file",
    schema: z.string().min(1, "must not be empty").optional(),
    byDefault: "standard error",
    meaning: "file for log lines in JSON",
  }),
} as const;

/** Names of all settings. */
export type SettingKey = keyof typeof settings;

/** The server's settings after validation. */
export type Config = { [Key in SettingKey]: z.output<(typeof settings)[Key]["schema"]> };
