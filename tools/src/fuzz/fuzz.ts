import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "../sim/random.ts";
import { seededRandom } from "../sim/random.ts";
import { type FrameInput, frameInput, webSocketFrame } from "./frames.ts";
import { type HttpInput, httpInput } from "./http-inputs.ts";
import { faultOfAnswer, faultOfClose, faultOfHealth, faultOfText } from "./judge.ts";
import type { NightUnderTest } from "./night-under-test.ts";
import { askWildly, RawHttp } from "./raw-http.ts";
import { RawWebSocket } from "./raw-web-socket.ts";
import { describedRoutes, type FuzzRoute, hiddenRoutes } from "./routes.ts";

/** Streams of inputs side by side: most wait for an address that is slowed, or for a close. */
const HTTP_STREAMS = 64;
const SOCKET_STREAMS = 64;
/** Share of the inputs that are requests; the others are frames. */
const HTTP_SHARE = 0.45;
/** Frames of one socket, sent so many at a time. */
const FRAMES_PER_SOCKET = 60;
const FRAMES_AT_ONCE = 6;
/** Writing down why a process ends takes it this long at most. */
const DYING_MS = 1_000;
/** Longer than a database's answer or a beacon is late on a busy machine; a shard that stopped stays so. */
const WELL_WITHIN_MS = 30_000;
const WELL_EVERY_MS = 250;
/** Failures that are kept; the first alone is worth mending. */
const FAILURES_MAX = 20;
const TEXT = 1;

/** An input that met something it should not have. */
export type FuzzFailure = {
  /** -1 for what was found when every stream had ended. */
  readonly stream: number;
  readonly what: string;
  readonly why: string;
  /** The input's bytes, in base64, to be sent again. */
  readonly bytes: string;
};

export type FuzzReport = {
  readonly seed: number;
  readonly requests: number;
  readonly frames: number;
  readonly failures: readonly FuzzFailure[];
  /** Answers by status, refusals of the socket by code, ends by close code. */
  readonly answers: Readonly<Record<string, number>>;
};

/**
 * Sends so many requests and frames of a seed's streams (FZ1), then asks the server how it is (FZ4). The same seed makes
 * the same inputs, stream by stream.
 *
 * @param options.wellWithinMs how long the server may take until it says that every part runs
 */
export async function fuzz(options: {
  readonly night: NightUnderTest;
  readonly seed: number;
  readonly inputs: number;
  readonly onProgress?: (done: number) => void;
  readonly wellWithinMs?: number;
}): Promise<FuzzReport> {
  const { night, seed, inputs, wellWithinMs = WELL_WITHIN_MS } = options;
  const routes = [...(await routesOf(night)), ...hiddenRoutes];
  const random = seededRandom(seed);
  const left = { requests: Math.ceil(inputs * HTTP_SHARE), frames: Math.ceil(inputs * (1 - HTTP_SHARE)) };
  const run = new Run({ night, routes, left, onProgress: options.onProgress });
  const streams = [
    ...Array.from({ length: HTTP_STREAMS }, (_, n) => run.requests(n, random.fork())),
    ...Array.from({ length: SOCKET_STREAMS }, (_, n) => run.frames(HTTP_STREAMS + n, random.fork())),
  ];
  await Promise.all(streams);
  const report = run.report();
  if (report.failures.length > 0) {
    // A server that dies closes its sockets a moment before it is known to be dead: its death is what went wrong.
    await sleep(DYING_MS);
    night.mustLive();
  }
  const ill = await illnessOf(night, wellWithinMs);
  if (ill === null) return { seed, ...report };
  const atTheEnd: FuzzFailure = { stream: -1, what: "the end", why: ill, bytes: "" };
  return { seed, ...report, failures: [...report.failures, atTheEnd] };
}

/** What the server says is wrong with it once nothing more is sent, or null. */
async function illnessOf(night: NightUnderTest, withinMs: number): Promise<string | null> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    const fault = await fetch(`${night.url}/health`).then(
      async (answer) => faultOfHealth({ status: answer.status, body: await answer.text() }),
      (error: unknown) => `/health did not answer: ${String(error)}`,
    );
    night.mustLive();
    if (fault === null || performance.now() > untilMs) return fault;
    await sleep(WELL_EVERY_MS);
  }
}

/** The routes the server describes itself. */
export async function routesOf(night: Pick<NightUnderTest, "url">): Promise<FuzzRoute[]> {
  return describedRoutes(await (await fetch(`${night.url}/docs/json`)).json());
}

type RunParts = {
  readonly night: NightUnderTest;
  readonly routes: readonly FuzzRoute[];
  /** What is still to be sent; streams take from it as they come, so that a slow one holds nobody up. */
  readonly left: { requests: number; frames: number };
  readonly onProgress: ((done: number) => void) | undefined;
};

class Run {
  readonly #night: NightUnderTest;
  readonly #routes: readonly FuzzRoute[];
  readonly #left: RunParts["left"];
  readonly #onProgress: ((done: number) => void) | undefined;
  readonly #failures: FuzzFailure[] = [];
  readonly #answers: Record<string, number> = {};
  #requests = 0;
  #frames = 0;

  constructor({ night, routes, left, onProgress }: RunParts) {
    this.#night = night;
    this.#routes = routes;
    this.#left = left;
    this.#onProgress = onProgress;
  }

  report() {
    return {
      requests: this.#requests,
      frames: this.#frames,
      failures: this.#failures,
      answers: this.#answers,
    };
  }

  async requests(stream: number, random: SeededRandom): Promise<void> {
    const http = new RawHttp(this.#night.url);
    for (; this.#left.requests > 0 && this.#failures.length < FAILURES_MAX; ) {
      this.#left.requests -= 1;
      const input = httpInput(random, this.#routes, this.#night.world);
      await this.#request(stream, http, input);
      this.#requests += 1;
      this.#tell();
    }
    http.close();
  }

  async #request(stream: number, http: RawHttp, input: HttpInput): Promise<void> {
    const { url } = this.#night;
    try {
      const answer = input.wild
        ? await askWildly(url, input.bytes, input.method)
        : await http.ask(input.bytes, input.method);
      if (answer === null) {
        this.#count("closed");
        // Bytes that end before a request does are met with silence; a whole request never is.
        if (!input.wild) this.#fail(stream, input, "closed without an answer");
        return;
      }
      this.#count(`status ${answer.status}`);
      const fault = faultOfAnswer(answer, input);
      if (fault !== null) this.#fail(stream, input, fault);
      this.#keepAward(answer.body);
    } catch (error) {
      this.#night.mustLive();
      this.#fail(stream, input, String(error));
    }
  }

  /** What was won can be claimed by later inputs. */
  #keepAward(body: string): void {
    const awardId = /"awardId":"([0-9a-f]{32})"/.exec(body)?.[1];
    const { people } = this.#night.world;
    const person = people[this.#requests % people.length];
    if (awardId !== undefined && person !== undefined && person.awards.length < 50)
      person.awards.push(awardId);
  }

  async frames(stream: number, random: SeededRandom): Promise<void> {
    while (this.#left.frames > 0 && this.#failures.length < FAILURES_MAX) {
      await this.#socket(stream, random);
    }
  }

  /** One socket from its ticket to its end. */
  async #socket(stream: number, random: SeededRandom): Promise<void> {
    const { url, world } = this.#night;
    const { token } = random.pick(world.people);
    let sent = 0;
    let last: FrameInput = { what: "handshake", bytes: Buffer.alloc(0), breaks: false };
    try {
      const socket = await RawWebSocket.open(url, await this.#ticket(token));
      if (socket.refused !== null) {
        this.#count(`handshake ${socket.refused}`);
        return;
      }
      socket.send(webSocketFrame({ opcode: TEXT, payload: Buffer.from('{"t":"hello","v":1}') }));
      let closing = false;
      while (sent < FRAMES_PER_SOCKET && !socket.closed && !closing && this.#left.frames > 0) {
        for (let n = 0; n < FRAMES_AT_ONCE; n += 1) {
          last = frameInput(random, world);
          socket.send(last.bytes);
          sent += 1;
          closing ||= last.breaks && last.what.startsWith("frame:");
        }
        this.#frames += FRAMES_AT_ONCE;
        this.#left.frames -= FRAMES_AT_ONCE;
        this.#tell();
        if (!closing) await this.#stillThere(socket, random);
      }
      await this.#finish(socket, { stream, last, closing });
    } catch (error) {
      this.#night.mustLive();
      this.#fail(stream, last, String(error));
    }
  }

  /** The server answers a question of its own protocol, or has ended the socket. */
  async #stillThere(socket: RawWebSocket, random: SeededRandom): Promise<void> {
    const count = random.between(1_000_000, 2_000_000);
    socket.send(webSocketFrame({ opcode: TEXT, payload: Buffer.from(`{"t":"ping","c":${count}}`) }));
    const isPong = (text: string) => text.includes('"pong"') && text.includes(String(count));
    await socket.until(() => socket.texts.some(isPong), "a pong");
  }

  async #finish(
    socket: RawWebSocket,
    at: { stream: number; last: FrameInput; closing: boolean },
  ): Promise<void> {
    // Half a frame is waited for until the sweep of silent sockets: nothing to learn from that here.
    if (at.closing && !socket.closed) {
      socket.cut();
      await socket.until(() => socket.closed, "the end");
    }
    const wasEnded = socket.closed && !at.closing;
    if (!socket.closed) {
      socket.send(webSocketFrame({ opcode: 8, payload: Buffer.from([3, 232]) }));
      await socket.until(() => socket.closed, "the close");
    }
    for (const text of socket.texts) {
      const fault = faultOfText(text);
      const code = /"code":"([a-z._]+)"/.exec(text)?.[1];
      if (code !== undefined) this.#count(code);
      if (fault !== null) this.#fail(at.stream, at.last, fault);
    }
    if (socket.closeCode !== null) this.#count(`close ${socket.closeCode}`);
    const fault = wasEnded ? faultOfClose(socket.closeCode) : null;
    if (fault !== null) this.#fail(at.stream, at.last, fault);
  }

  async #ticket(token: string): Promise<string> {
    for (;;) {
      const answer = await fetch(`${this.#night.url}/api/socket-ticket`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
      const body = (await answer.json()) as { ticket?: string; retryMs?: number };
      if (body.ticket !== undefined) return body.ticket;
      await new Promise((resolve) => setTimeout(resolve, Math.min(body.retryMs ?? 100, 1_000)));
    }
  }

  #fail(stream: number, input: { what: string; bytes: Buffer }, why: string): void {
    if (this.#failures.length >= FAILURES_MAX) return;
    this.#failures.push({
      stream,
      what: input.what,
      why,
      bytes: input.bytes.toString("base64").slice(0, 4_000),
    });
  }

  #count(what: string): void {
    this.#answers[what] = (this.#answers[what] ?? 0) + 1;
  }

  #tell(): void {
    this.#onProgress?.(this.#requests + this.#frames);
  }
}
