/** How a process shows NATS who it is. */
export type NatsLogin = { readonly user: string; readonly pass: string } | { readonly token: string };

/** Where NATS is and how it is spoken to: what `NATS_URL` says. */
export type NatsAddress = {
  /** `host` or `host:port` of each server of one cluster, in the order they are tried; never with a login. */
  readonly servers: readonly [string, ...string[]];
  /** The same for all of them. */
  readonly login: NatsLogin | null;
  /** A server without TLS is refused; with `nats:` TLS is spoken where the server offers it. */
  readonly tls: boolean;
};

/** What `NATS_URL` may be, for people. */
export const NATS_URL_RULE =
  "must be nats:// or tls://, then [user:password@] or [token@], then host[:port]; several servers of one cluster are " +
  "separated by commas and have one login; in it write %40 for @, %2C for a comma, %2F for a slash";

/**
 * Reads an address as the clients of NATS take it: `nats://host:port`, `tls://`, with `user:password@` or `token@`, and
 * several of them separated by commas.
 *
 * @returns null when it is none, or when two of its servers have different logins
 */
export function readNatsUrl(text: string): NatsAddress | null {
  const urls = text.split(",").map(urlOf);
  const servers: string[] = [];
  const logins = new Map<string, NatsLogin>();
  for (const url of urls) {
    if (url === null) return null;
    servers.push(url.host);
    if (url.username === "" && url.password === "") continue;
    const login = loginOf(url);
    if (login === null) return null;
    logins.set(JSON.stringify(login), login);
  }
  const [first, ...others] = servers;
  const [login = null] = logins.values();
  if (first === undefined || logins.size > 1) return null;
  return { servers: [first, ...others], login, tls: urls.some((url) => url?.protocol === "tls:") };
}

/** The address for people: who logs in and with what is left out. */
export function natsUrlForPeople(text: string): string {
  if (readNatsUrl(text) === null) return "(set, not shown)";
  return text
    .split(",")
    .map((part) => part.trim().replace(/\/\/.*@/, "//***@"))
    .join(",");
}

/** What stands behind the host is part of a login in which something special was not written as %xx. */
function urlOf(part: string): URL | null {
  const text = part.trim();
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const isPlain = ["", "/"].includes(url.pathname) && url.search === "" && url.hash === "";
  return ["nats:", "tls:"].includes(url.protocol) && url.hostname !== "" && isPlain ? url : null;
}

function loginOf({ username, password }: URL): NatsLogin | null {
  if (username === "") return null;
  try {
    const user = decodeURIComponent(username);
    return password === "" ? { token: user } : { user, pass: decodeURIComponent(password) };
  } catch {
    return null;
  }
}
