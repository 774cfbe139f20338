import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findServer } from "./programs.ts";

/** How often Redis forces its log to the disk: before every answer, or once a second. */
export type Fsync = "always" | "everysec";

/** A Redis of our own on a UNIX socket in a temporary folder. */
export type RedisServer = {
  readonly socketPath: string;
  readonly version: string;
  stop(): Promise<void>;
};

const startPatienceMs = 10_000;

async function reach(socketPath: string, child: ChildProcess): Promise<void> {
  const until = performance.now() + startPatienceMs;
  for (;;) {
    const line = await RedisLine.open(socketPath).catch(() => null);
    if (line !== null) return line.close();
    if (child.exitCode !== null || performance.now() > until) throw new Error("redis-server did not start");
    await sleep(20);
  }
}

/**
 * Starts Redis with its append-only file as `fsync` says, listening on nothing but a socket in a folder of its own.
 *
 * @throws Error when `redis-server` is not installed (`npm run bench` installs it) or does not start
 */
export async function startRedis(fsync: Fsync): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), "wanhui-bench-redis-"));
  const socketPath = join(folder, "redis.sock");
  // No snapshots and no rewrite in the middle of a round: what is left is what the promise needs.
  const args = `--port 0 --dir ${folder} --unixsocket ${socketPath} --appendonly yes --appendfsync ${fsync}`;
  const quiet = ["--save", "", "--auto-aof-rewrite-percentage", "0", "--loglevel", "warning"];
  const child = spawn(findServer("redis-server", "WANHUI_REDIS_SERVER"), [...args.split(" "), ...quiet], {
    stdio: "ignore",
  });
  const failed = once(child, "error").then(([error]) => {
    throw new Error("redis-server could not be run", { cause: error });
  });
  const stop = async () => {
    if (child.pid !== undefined && child.exitCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([reach(socketPath, child), failed]);
    const line = await RedisLine.open(socketPath);
    const info = String(await line.ask(["INFO", "server"]));
    line.close();
    return { socketPath, version: /redis_version:(\S+)/.exec(info)?.[1] ?? "?", stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One command in Redis' own protocol (RESP2). */
export function encodeCommand(words: readonly (string | number)[]): string {
  let text = `*${words.length}\r\n`;
  for (const word of words) {
    const value = String(word);
    text += `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
  }
  return text;
}

const CR = 13;
const COLON = 58;
const STAR = 42;

/** Reads whole replies off a buffer: enough of RESP2 for integers, strings and flat lists. */
class ReplyReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  push(chunk: Buffer): void {
    this.#bytes =
      this.#at === this.#bytes.length ? chunk : Buffer.concat([this.#bytes.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /** The next reply, or undefined when it has not all come. */
  next(): unknown {
    const from = this.#at;
    const value = this.#read();
    if (value === undefined) this.#at = from;
    return value;
  }

  #read(): unknown {
    const bytes = this.#bytes;
    const kind = bytes[this.#at];
    const end = bytes.indexOf("\r\n", this.#at + 1);
    if (kind === undefined || end < 0) return undefined;
    const head = bytes.toString("latin1", this.#at + 1, end);
    this.#at = end + 2;
    if (kind === COLON) return Number(head);
    if (kind === STAR) {
      const list: unknown[] = [];
      for (let n = Number(head); n > 0; n -= 1) {
        const item = this.#read();
        if (item === undefined) return undefined;
        list.push(item);
      }
      return list;
    }
    if (kind !== 36) return kind === 45 ? new Error(head) : head;
    const length = Number(head);
    if (length < 0) return null;
    if (bytes.length < this.#at + length + 2 || bytes[this.#at + length] !== CR) return undefined;
    this.#at += length + 2;
    return bytes.toString("utf8", this.#at - length - 2, this.#at - 2);
  }
}

/** One pipelined connection, without a promise per command: the cheaper the client, the faster the peer looks. */
export class RedisLine {
  readonly #socket: Socket;
  readonly #replies = new ReplyReader();
  #onReply: (value: unknown) => void = () => {};
  /** Called after every reply of one read was handed out: the moment to write more. */
  onRead: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#replies.push(chunk);
      for (let value = this.#replies.next(); value !== undefined; value = this.#replies.next())
        this.#onReply(value);
      this.onRead();
    });
  }

  static async open(socketPath: string): Promise<RedisLine> {
    const socket = connect(socketPath);
    await once(socket, "connect");
    return new RedisLine(socket);
  }

  write(commands: string): void {
    this.#socket.write(commands, "latin1");
  }

  set onReply(take: (value: unknown) => void) {
    this.#onReply = take;
  }

  /** One command, one answer; only while nothing else is on its way. */
  ask(words: readonly (string | number)[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#onReply = (value) => (value instanceof Error ? reject(value) : resolve(value));
      this.write(encodeCommand(words));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
