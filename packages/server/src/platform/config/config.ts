import { createServer } from "node:net";
import type { z } from "zod";
import { errorCode, errorMessage, Fault } from "../fault.ts";
import { type Config, type SettingKey, settings } from "./settings.ts";

const keys = Object.keys(settings) as SettingKey[];

/** Values of flags as `node:util` parses them. */
export type FlagValues = Record<string, string | boolean | undefined>;

/** The flags of all settings, for `node:util` `parseArgs`. */
export function configFlags(): Record<string, { type: "string" | "boolean" }> {
  const entry = (key: SettingKey) => {
    const { flag } = settings[key];
    return [flag, { type: "isSwitch" in settings[key] ? "boolean" : "string" }] as const;
  };
  return Object.fromEntries(keys.map(entry));
}

/** Rules between settings; each says which setting to touch. */
function rulesBetween(config: Config): string[] {
  const problems: string[] = [];
  const pair = (one: SettingKey, other: SettingKey) => {
    if ((config[one] === undefined) !== (config[other] === undefined)) {
      const missing = config[one] === undefined ? one : other;
      const present = missing === one ? other : one;
      problems.push(`${settings[missing].env}: needed together with ${settings[present].env}`);
    }
  };
  pair("tlsCert", "tlsKey");
  pair("jwtIssuer", "jwtJwksUrl");
  pair("jwtIssuer", "jwtAudience");
  const jwks = config.jwtJwksUrl === undefined ? undefined : new URL(config.jwtJwksUrl);
  if (jwks?.protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(jwks.hostname)) {
    problems.push("JWT_JWKS_URL: must be https, or anybody on the way could sign people in");
  }
  return problems;
}

/**
 * Reads the settings from flags and environment. An empty variable counts as not set.
 *
 * @throws Fault `config.invalid` naming every wrong setting and its rule, values not repeated
 */
export function loadConfig(
  source: { env?: Record<string, string | undefined>; flags?: FlagValues } = {},
): Config {
  const env = source.env ?? process.env;
  const flags = source.flags ?? {};
  const problems: string[] = [];
  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const key of keys) {
    const { env: variable, flag, schema } = settings[key];
    const given = flags[flag] ?? (env[variable] === "" ? undefined : env[variable]);
    const result: z.ZodSafeParseResult<unknown> = schema.safeParse(
      typeof given === "boolean" ? String(given) : given,
    );
    if (result.success) values[key] = result.data;
    else {
      const name = flags[flag] === undefined ? variable : `--${flag}`;
      const rules = new Set(result.error.issues.map((issue) => issue.message));
      problems.push(`${name}: ${[...rules].join("; ")}`);
    }
  }
  const config = values as Config;
  if (problems.length === 0) problems.push(...rulesBetween(config));
  if (problems.length > 0) {
    const advice = "`wanhui config` explains every setting.";
    throw new Fault("config.invalid", `Settings are wrong:\n  ${problems.join("\n  ")}\n${advice}`);
  }
  return { ...config, tls: config.tls || config.tlsCert !== undefined };
}

/** One row of the manual. */
export type SettingRow = { name: string; flag: string; byDefault: string; meaning: string; current: string };

/** The manual of all settings, with what is set in `env` now; secrets show only that they are set. */
export function describeSettings(env: Record<string, string | undefined> = process.env): SettingRow[] {
  return keys.map((key) => {
    const { env: name, flag, byDefault, meaning, secret } = settings[key];
    return { name, flag: `--${flag}`, byDefault, meaning, current: shownValue(env[name] ?? "", secret) };
  });
}

function shownValue(value: string, secret: (typeof settings)[SettingKey]["secret"]): string {
  if (value === "" || secret === undefined) return value;
  return secret === true ? "(set, not shown)" : secret(value);
}

/** Ports tried after a busy one; more than this in a row means something else is wrong. */
const portsTried = 50;

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      if (errorCode(error) === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/**
 * The first port from `wanted` upwards that can be listened on now; 0 stays 0 (the system chooses).
 *
 * @throws Fault `config.no_free_port` after fifty busy ones, `config.cannot_listen` when the system forbids it
 */
export async function findListenPort(host: string, wanted: number): Promise<number> {
  if (wanted === 0) return 0;
  for (let port = wanted; port < Math.min(wanted + portsTried, 65_536); port += 1) {
    const free = await canListen(host, port).catch((cause: unknown) => {
      const advice = "Ports below 1024 need a privilege; HOST must be an address of this machine.";
      const what = `${host}:${port} cannot be listened on (${errorMessage(cause)})`;
      throw new Fault("config.cannot_listen", `${what}. ${advice}`, { cause });
    });
    if (free) return port;
  }
  throw new Fault(
    "config.no_free_port",
    `No port from ${wanted} on is free on ${host}. Choose one with PORT.`,
  );
}
