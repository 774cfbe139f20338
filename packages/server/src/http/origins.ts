import { networkInterfaces } from "node:os";

/**
 * The exact list of origins whose pages may change anything here or open a socket. A host header decides nothing
 * (DNS rebinding), only this list.
 */
export type Origins = {
  /** Whether the value of an `Origin` header is on the list; `null` and malformed ones never are. */
  has(origin: string): boolean;
  /** Those of `ALLOWED_ORIGINS`: pages of other houses that may use the API, and hold the venue page in a frame. */
  readonly further: readonly string[];
  /** Tells the list where the server listens, so that its own addresses belong to it. */
  listeningOn(port: number): void;
};

/** Own addresses are read again at most this often: a laptop that joins another network stays reachable. */
const OWN_ADDRESSES_TTL_MS = 10_000;

/**
 * Makes the list: own addresses (loopback, host's interfaces) with the listening port, `publicUrl`, `allowedOrigins`.
 *
 * @param options.secure whether the server itself speaks TLS
 * @param options.allowedOrigins full origins (`https://shop.example`); a path or a star is a mistake and throws
 */
export function createOrigins(options: {
  secure: boolean;
  publicUrl?: string | undefined;
  allowedOrigins?: readonly string[] | undefined;
  nowMs?: () => number;
}): Origins {
  const nowMs = options.nowMs ?? Date.now;
  const fixed = new Set<string>();
  if (options.publicUrl !== undefined) fixed.add(new URL(options.publicUrl).origin);
  const further = (options.allowedOrigins ?? []).map(exactOrigin);
  for (const origin of further) fixed.add(origin);
  let port: number | undefined;
  let own = new Set<string>();
  let readAtMs = Number.NEGATIVE_INFINITY;
  const readOwn = () => {
    if (port === undefined || nowMs() - readAtMs < OWN_ADDRESSES_TTL_MS) return;
    own = ownOrigins({ port, secure: options.secure });
    readAtMs = nowMs();
  };
  return {
    further,
    has(origin) {
      if (fixed.has(origin) || own.has(origin)) return true;
      readOwn();
      return own.has(origin);
    },
    listeningOn(newPort) {
      port = newPort;
      readAtMs = Number.NEGATIVE_INFINITY;
      readOwn();
    },
  };
}

function exactOrigin(text: string): string {
  const origin = URL.canParse(text) ? new URL(text).origin : "null";
  if (origin === "null" || origin !== text.replace(/\/$/, "")) {
    throw new TypeError(`ALLOWED_ORIGINS: "${text}" is not an origin such as https://shop.example`);
  }
  return origin;
}

/** Names and addresses this machine can be reached at, for certificates and for the list of origins. */
export function ownHosts(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const hosts = addresses
    .filter(({ address }) => !address.startsWith("fe80:"))
    .map(({ address, family }) => (family === "IPv6" ? `[${address}]` : address));
  return [...new Set(["localhost", "127.0.0.1", "[::1]", ...hosts])];
}

function ownOrigins(options: { port: number; secure: boolean }): Set<string> {
  const scheme = options.secure ? "https" : "http";
  return new Set(ownHosts().map((host) => new URL(`${scheme}://${host}:${options.port}`).origin));
}
