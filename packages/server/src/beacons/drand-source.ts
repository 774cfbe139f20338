import type { BeaconChain } from "@wanhui/core";
import { type Clock, withSignal } from "../platform/mod.ts";
import {
  type Beacon,
  type BeaconSource,
  beaconOf,
  DEFAULT_PATIENCE,
  isSignature,
  lookEarly,
  type Patience,
  patiently,
  QUICKNET,
  SCHEME,
  sleep,
} from "./beacon-source.ts";
import type { Bls } from "./bls.ts";

/** A relay that has not answered by then is left for this attempt. */
const requestTimeoutMs = 4_000;
/** The next relay is asked beside the first after this long: most answers come in 100 ms. */
const hedgeMs = 400;
/** Arming waits for the probe, and arming has ten seconds. */
const probeTimeoutMs = 3_000;
/** A round is 300 bytes; a relay that sends more is broken or hostile. */
const bodyBytesMax = 65_536;

export type DrandOptions = {
  /** Relays that speak drand's HTTP API; asked in this order. Nothing they say is believed unverified. */
  readonly urls: readonly string[];
  readonly clock: Clock;
  readonly bls: Bls;
  readonly chain?: BeaconChain;
  readonly patience?: Patience;
};

/** Rounds fetched live from drand's relays: raced, bounded in time and size, verified offline. */
export function createDrandSource(options: DrandOptions): BeaconSource {
  const { urls, clock, bls, chain = QUICKNET, patience = DEFAULT_PATIENCE } = options;
  const name = "drand";

  const fromRelay = async (url: string, round: number, signal: AbortSignal): Promise<Beacon> => {
    const body = await fetchJson(`${base(url)}/${chain.chainHash}/public/${round}`, signal, requestTimeoutMs);
    const { round: said, signature } = body as { round?: unknown; signature?: unknown };
    if (said !== round) throw new Error(`${hostOf(url)} answered with round ${String(said)}`);
    if (!isSignature(signature)) throw new Error(`${hostOf(url)} answered without a signature`);
    if (!(await bls.verify({ publicKey: chain.publicKey, round, signature }))) {
      throw new Error(`${hostOf(url)} answered with a forged signature`);
    }
    return beaconOf(round, signature);
  };

  const probeRelay = async (url: string, signal: AbortSignal): Promise<true> => {
    const info = (await fetchJson(`${base(url)}/${chain.chainHash}/info`, signal, probeTimeoutMs)) as Record<
      string,
      unknown
    >;
    const right =
      info.public_key === chain.publicKey &&
      Number(info.period) * 1_000 === chain.periodMs &&
      Number(info.genesis_time) * 1_000 === chain.genesisMs &&
      (info.schemeID ?? SCHEME) === chain.scheme;
    if (!right) throw new Error(`${hostOf(url)} serves another chain under this hash`);
    return true;
  };

  return {
    name,
    early: (signal) =>
      lookEarly({
        chain,
        clock,
        signal,
        ask: async (round, inner) => {
          const found = await race(urls, inner, (url, each) => fromRelay(url, round, each));
          return typeof found === "string" ? null : found;
        },
      }),
    level: "beacon",
    chain,
    round: (round, signal) =>
      patiently({
        source: { name, chain },
        round,
        clock,
        patience,
        signal,
        attempt: (inner) => race(urls, inner, (url, each) => fromRelay(url, round, each)),
      }),
    async probe() {
      const won = await race(urls, new AbortController().signal, probeRelay).catch(() => "unreachable");
      return won === true;
    },
  };
}

/**
 * Asks the first relay, and each next one when the one before failed or is slow; the first good answer ends the rest.
 *
 * @returns why nobody answered, in words, when nobody did
 */
async function race<T>(
  urls: readonly string[],
  signal: AbortSignal,
  ask: (url: string, signal: AbortSignal) => Promise<T>,
): Promise<T | string> {
  const complaints: string[] = [];
  try {
    // The first good answer ends the others.
    return await withSignal([signal], (all) => Promise.any(relayRuns(urls, all, ask, complaints)));
  } catch {
    signal.throwIfAborted();
    return complaints.join("; ");
  }
}

function relayRuns<T>(
  urls: readonly string[],
  all: AbortSignal,
  ask: (url: string, signal: AbortSignal) => Promise<T>,
  complaints: string[],
): Promise<T>[] {
  let failed: Promise<unknown> = Promise.resolve();
  return urls.map((url, index) => {
    const before = failed;
    const run = (async () => {
      if (index > 0) await Promise.race([before, sleep(index * hedgeMs, all)]);
      return ask(url, all);
    })();
    // Resolves when this relay is done for; stays open while it may still answer.
    failed = new Promise((resolve) => run.catch(resolve));
    return run.catch((error: unknown) => {
      complaints.push(error instanceof Error ? error.message : String(error));
      throw error;
    });
  });
}

function fetchJson(url: string, signal: AbortSignal, timeoutMs: number): Promise<unknown> {
  return withSignal([signal, AbortSignal.timeout(timeoutMs)], (end) => fetchObject(url, end));
}

async function fetchObject(url: string, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(url, {
    signal,
    headers: { accept: "application/json" },
    redirect: "error",
  });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`${hostOf(url)} answered ${response.status}`);
  }
  let text = "";
  let bytes = 0;
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error(`${hostOf(url)} sent more than ${bodyBytesMax} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  const value = parsed(text);
  if (typeof value !== "object" || value === null) throw new Error(`${hostOf(url)} sent no JSON object`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const base = (url: string) => url.replace(/\/+$/, "");
const hostOf = (url: string) => new URL(url).host;
