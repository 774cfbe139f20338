import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { type ClientStorage, connect, newRequestId, type RoomClient } from "@wanhui/client";
import { type AwardView, type CtlMessage, openWindow, type RainView, type RoundView } from "@wanhui/protocol";
import type { Cast } from "./audience.ts";
import { claimAndPay } from "./buyer.ts";
import { pause } from "./http.ts";
import { between } from "./random.ts";
import { type SignedIn, signIn } from "./sign-in.ts";
import { type WatchedSocket, watchedSocket } from "./socket.ts";
import { alongside, count, type Stage } from "./stage.ts";

/** How often a flaky connection breaks, and how long a slow reader does not read. */
const CUT_EVERY_MS = [4_000, 15_000] as const;
const ASLEEP_MS = [2_000, 14_000] as const;
/** People look up, see the coupons fall, and press. */
const REACTION_MS = [100, 2_500] as const;
/** Of those who win, how many claim during the night; the others put it off, as the page lets them. */
const CLAIM_SHARE = 0.7;
/** How long before the opening hands begin to move: the page itself holds those gestures back. */
const EARLY_HANDS_MS = 700;

/** `userKey` of a pseudonym and a nonce (BY2), as the phone works it out. */
export function userKeyOfHex(pseudonym: string, nonce: string): string {
  const tag = createHash("sha256").update("wanhui/user-key/1");
  return tag.update(Buffer.from(pseudonym, "hex")).update(Buffer.from(nonce, "hex")).digest("hex");
}

/** An honest viewer: comes, goes, shakes, takes, claims and pays, with the real client. */
export class Person {
  readonly cast: Cast;
  readonly #stage: Stage;
  readonly #memory = new Map<string, string>();
  readonly #done = new Set<string>();
  #signedIn: SignedIn | null = null;
  #client: RoomClient | null = null;
  #socket: WatchedSocket | null = null;
  #visit = new AbortController();
  #connects = 0;
  #coming = false;

  constructor(cast: Cast, stage: Stage) {
    this.cast = cast;
    this.#stage = stage;
  }

  /** Whether the page is open, or being opened. */
  get here(): boolean {
    return this.#coming || this.#client !== null;
  }
  get client(): RoomClient | null {
    return this.#client;
  }
  get signedIn(): SignedIn | null {
    return this.#signedIn;
  }

  /** Opens the page. */
  async come(): Promise<void> {
    if (this.here) return;
    const visit = new AbortController();
    setMaxListeners(0, visit.signal);
    this.#visit = visit;
    this.#coming = true;
    try {
      this.#signedIn ??= await signIn(this.#stage, this.cast);
    } finally {
      this.#coming = false;
    }
    if (visit.signal.aborted) return;
    const client = this.#open(this.#signedIn);
    this.#client = client;
    client.on("ctl", (message) => this.#heard(client, message));
    client.on("me", (message) => {
      if (message.t === "won") this.#won(message.award);
    });
    client.on("show", (show) => {
      for (const round of show.rounds) this.#mayShake(round, visit.signal);
      for (const rain of show.rains) this.#mayCatch(rain, visit.signal);
    });
    if (this.cast.kind === "flaky") void this.#loseSockets(visit.signal);
    if (this.cast.kind === "slow") void this.#fallAsleep(visit.signal);
  }

  /** Closes the page. What was asked and not answered is nobody's promise. */
  leave(): void {
    this.#visit.abort();
    this.#client?.stop();
    this.#client = null;
    this.#socket = null;
  }

  #open({ token, user }: SignedIn): RoomClient {
    const { tallies, ledger, latencies, recent, baseUrl, random } = this.#stage;
    const storage: ClientStorage = {
      getItem: (key) => this.#memory.get(key) ?? null,
      // Nothing here is checked later from the phone's own file of heard headers: it would only grow.
      setItem: (key, value) => void (key.startsWith("wanhui.nonce.") && this.#memory.set(key, value)),
    };
    const drawOf = (index: number) => this.#client?.show?.rounds.find((round) => round.index === index)?.draw;
    const WebSocket = watchedSocket(
      {
        sent: (index) => {
          tallies.frames += 1;
          const draw = drawOf(index);
          if (draw !== undefined) ledger.asks(user, draw);
        },
        windowOf: (index) => {
          const client = this.#client;
          const round = client?.show?.rounds.find((each) => each.index === index);
          return client && round ? openWindow(round, client.serverNowMs()) : null;
        },
        acked: ({ drawIndex, window, fixedKey, latencyMs }) => {
          tallies.acks += 1;
          // Who does not read sees his answer when he looks again: that is not the server's time.
          if (latencyMs !== null && this.cast.kind !== "slow") {
            latencies.add(latencyMs);
            recent.latencies.add(latencyMs);
          }
          const draw = drawOf(drawIndex);
          const own = draw === undefined ? undefined : this.#client?.identityOf(draw);
          if (draw === undefined || own === undefined || own.pseudonym === null) return;
          const userKey = fixedKey ?? userKeyOfHex(own.pseudonym, own.nonce);
          ledger.add({ k: "ack", atMs: Date.now(), user, draw, window, userKey });
        },
        refused: (code) => count(tallies.refusals, code),
        closed: (code) => count(tallies.closes, String(code)),
      },
      (socket) => {
        this.#socket = socket;
        this.#connects += 1;
        tallies.connects += 1;
        if (this.#connects > 1) tallies.reconnects += 1;
      },
    );
    return connect({ baseUrl, token, WebSocket, storage, random });
  }

  #heard(client: RoomClient, message: CtlMessage): void {
    if (message.t !== "drawn") return;
    const { draw, window, resultAtMs } = message;
    this.#stage.ledger.heard({ draw, window, resultAtMs, heardAtMs: client.serverNowMs() });
  }

  #won(award: AwardView): void {
    const { ledger, tallies, random, goingHome } = this.#stage;
    if (this.#signedIn === null || this.#done.has(award.awardId)) return;
    this.#done.add(award.awardId);
    tallies.wins += 1;
    const { awardId, draw, window, prize } = award;
    const { user } = this.#signedIn;
    ledger.add({ k: "won", atMs: Date.now(), user, awardId, draw, window, pool: prize.pool });
    if (award.state !== "held" || goingHome.aborted || random() > CLAIM_SHARE) return;
    alongside(this.#stage, claimAndPay(this.#stage, this.#signedIn, award));
  }

  /** Takes part in a round, once, from shortly before its opening to its close. */
  #mayShake(round: RoundView, visit: AbortSignal): void {
    const { goingHome, random } = this.#stage;
    const key = `round ${round.draw}`;
    if ((round.phase !== "armed" && round.phase !== "open") || this.#done.has(key) || goingHome.aborted)
      return;
    this.#done.add(key);
    if (random() > this.cast.takesPart) return;
    // A page closed and opened again in the middle of a round goes on with it.
    visit.addEventListener("abort", () => this.#done.delete(key), { once: true });
    void this.#shake(round, AbortSignal.any([visit, goingHome]));
  }

  async #shake(round: RoundView, signal: AbortSignal): Promise<void> {
    const { random, tallies } = this.#stage;
    const client = this.#client;
    if (client === null) return;
    await pause(round.opensAtMs - EARLY_HANDS_MS - client.serverNowMs() + between(random, 0, 900), signal);
    const everyMs = Math.max(250, 1_000 / this.cast.tapsPerSecond);
    while (!signal.aborted && client.serverNowMs() < round.closesAtMs + 400) {
      const taps = Math.max(1, Math.round((this.cast.tapsPerSecond * everyMs) / 1_000));
      client.tap(round.draw, taps);
      if (this.cast.kind === "double") client.tap(round.draw, taps);
      tallies.taps += taps;
      await pause(everyMs * between(random, 0.6, 1.4), signal);
    }
  }

  #mayCatch(rain: RainView, visit: AbortSignal): void {
    const { goingHome, random } = this.#stage;
    const key = `rain ${rain.pool}`;
    if (rain.phase !== "open" || this.#done.has(key) || goingHome.aborted) return;
    this.#done.add(key);
    if (random() > this.cast.takesPart) return;
    void this.#catch(rain.pool, AbortSignal.any([visit, goingHome]));
  }

  async #catch(pool: string, signal: AbortSignal): Promise<void> {
    const { random, tallies, ledger } = this.#stage;
    const requestId = newRequestId();
    await pause(between(random, ...REACTION_MS), signal);
    const client = this.#client;
    if (client === null || signal.aborted || this.#signedIn === null) return;
    const { user } = this.#signedIn;
    const ids = this.cast.kind === "double" ? [requestId, newRequestId(), requestId] : [requestId];
    for (const id of ids) {
      tallies.takes += 1;
      const outcome = await client.take(pool, id);
      if (outcome.ok) {
        ledger.add({ k: "got", atMs: Date.now(), user, pool, requestId: id, awardId: outcome.awardId });
      } else if (outcome.code !== "client.stopped") count(tallies.refusals, outcome.code);
    }
  }

  async #loseSockets(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(between(this.#stage.random, ...CUT_EVERY_MS), signal);
      this.#socket?.cut();
    }
  }

  async #fallAsleep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(between(this.#stage.random, ...ASLEEP_MS), signal);
      const socket = this.#socket;
      socket?.stopReading();
      await pause(between(this.#stage.random, ...ASLEEP_MS), signal);
      socket?.readAgain();
    }
  }
}
