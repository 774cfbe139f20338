import type { SeededRandom } from "../sim/random.ts";
import { HOSTILE_TEXTS, hostileValue, mutateBytes, mutateJson, oddJsonText } from "./mutate.ts";
import { ODD_TYPES, spoilRequest } from "./odd-http.ts";
import type { FuzzRoute } from "./routes.ts";
import { faultyValue, validValue } from "./schema-values.ts";
import type { World } from "./world.ts";

/** One request, as its bytes. `wild`: it may not be one whole request, so it has a connection of its own, half closed behind it. */
export type HttpInput = {
  readonly what: string;
  readonly method: string;
  readonly bytes: Buffer;
  readonly wild: boolean;
  /** Asked for a WebSocket: refusals of a handshake carry no body (WR1). */
  readonly upgrade: boolean;
};

type Draft = { method: string; path: string; headers: [string, string][]; body: Buffer | null };

/** Chance of each way of making a request. */
const RIGHT = 0.2;
const FAULTY = 0.3;
const MUTATED = 0.25;
/** The rest is HTTP itself spoiled. */

/** One request of a seed's stream. */
export function httpInput(random: SeededRandom, routes: readonly FuzzRoute[], world: World): HttpInput {
  const route = random.pick(routes);
  const draft = draftOf(random, route, world);
  const way = random.u32() / 2 ** 32;
  const name = `${route.method} ${route.path}`;
  if (way < RIGHT) return whole(`right ${name}`, draft);
  if (way < RIGHT + FAULTY) return faulty(random, route, draft, world);
  if (way < RIGHT + FAULTY + MUTATED) return mutated(random, draft, name);
  return odd(random, draft, name);
}

function draftOf(random: SeededRandom, route: FuzzRoute, world: World): Draft {
  const isStudio = route.path.startsWith("/api/studio");
  const headers: [string, string][] = [["host", world.host]];
  const person = random.pick(world.people);
  if (isStudio && random.chance(0.9)) headers.push(["cookie", `wanhui_staff=${random.pick(world.staff)}`]);
  else if (random.chance(0.97)) headers.push(["authorization", `Bearer ${person.token}`]);
  const query: string[] = [];
  let path = route.path;
  for (const { name, place, schema } of route.parameters) {
    const own = name === "award" && !isStudio && person.awards.length > 0 && random.chance(0.7);
    const value = own ? random.pick(person.awards) : String(validValue(schema, random, world.names, name));
    if (place === "path") path = path.replace(name === "*" ? "*" : `:${name}`, () => encoded(value));
    else if (place === "query") query.push(`${name}=${encoded(value)}`);
    else headers.push([name, visible(value)]);
  }
  if (route.path.endsWith("/claim")) headers.push(["idempotency-key", random.hex(8)]);
  if (route.path.endsWith("/notices")) {
    headers.push(
      ["webhook-id", random.hex(6)],
      ["webhook-timestamp", String(Math.floor(Date.now() / 1_000))],
    );
    headers.push([
      "webhook-signature",
      random.pick([`v1,${Buffer.from(random.hex(32), "hex").toString("base64")}`, "v1,", "v2,x v1"]),
    ]);
  }
  const body = route.body === null ? null : validValue(route.body, random, world.names);
  if (body !== null && typeof body === "object" && "platformToken" in body) {
    const token = Buffer.from(random.pick(world.platformTokens));
    (body as Record<string, unknown>).platformToken = mutateBytes(token, random)
      .toString("latin1")
      .slice(0, 8_192);
  }
  return {
    method: route.method,
    path: query.length > 0 ? `${path}?${query.join("&")}` : path,
    headers,
    body: body === null ? null : Buffer.from(JSON.stringify(body)),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "null");
}

/** Lone surrogates have no address; everything else has. */
function encoded(text: string): string {
  return encodeURIComponent(text.replaceAll(/[\ud800-\udfff]/gu, "\ufffd"));
}

function visible(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?");
}

function whole(what: string, draft: Draft, type = "application/json"): HttpInput {
  const { method, path, headers, body } = draft;
  const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (body !== null) lines.push(`content-type: ${type}`, `content-length: ${body.length}`);
  else if (method !== "GET" && method !== "HEAD") lines.push("content-length: 0");
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return {
    what,
    method,
    bytes: body === null ? head : Buffer.concat([head, body]),
    wild: false,
    upgrade: false,
  };
}

function faulty(random: SeededRandom, route: FuzzRoute, draft: Draft, world: World): HttpInput {
  const name = `${route.method} ${route.path}`;
  if (route.body !== null && random.chance(0.75)) {
    const value = faultyValue(route.body, random, world.names);
    return whole(`faulty body ${name}`, { ...draft, body: Buffer.from(JSON.stringify(value) ?? "null") });
  }
  const [path = "/", query] = draft.path.split("?");
  const words = path.split("/");
  if (query !== undefined && random.chance(0.5)) {
    const spoiled = query.replace(/=[^&]*/, () => `=${encoded(String(random.pick(HOSTILE_TEXTS)))}`);
    return whole(`faulty query ${name}`, { ...draft, path: `${path}?${spoiled}`.slice(0, 12_000) });
  }
  words[random.between(1, words.length - 1)] = encoded(textOf(hostileValue(random))).slice(0, 12_000);
  return whole(`faulty path ${name}`, { ...draft, path: words.join("/") });
}

/** The request as somebody's page would have sent it, with its JSON or its bytes changed. */
function mutated(random: SeededRandom, draft: Draft, name: string): HttpInput {
  if (draft.body !== null && random.chance(0.6)) {
    const text = draft.body.toString("utf8");
    const way = random.below(3);
    if (way === 0) {
      const value = mutateJson(JSON.parse(text), random);
      return whole(`mutated json ${name}`, { ...draft, body: Buffer.from(JSON.stringify(value) ?? "null") });
    }
    const body = way === 1 ? Buffer.from(oddJsonText(text, random)) : mutateBytes(draft.body, random);
    return whole(`mutated body ${name}`, { ...draft, body });
  }
  const input = whole("", draft);
  return { ...input, what: `mutated request ${name}`, bytes: mutateBytes(input.bytes, random), wild: true };
}

/** HTTP spoiled, or a body that says it is something else. */
function odd(random: SeededRandom, draft: Draft, name: string): HttpInput {
  if (random.chance(0.1)) {
    const body = draft.body ?? Buffer.from("{}");
    return whole(`content type ${name}`, { ...draft, body }, random.pick(ODD_TYPES));
  }
  const { what, text } = spoilRequest(whole("", draft).bytes.toString("latin1"), random);
  return {
    what: `${what} ${name}`,
    method: text.slice(0, text.indexOf(" ")),
    bytes: Buffer.from(text, "latin1"),
    wild: true,
    upgrade: what === "upgrade",
  };
}
