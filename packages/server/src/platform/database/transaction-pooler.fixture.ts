import { createServer, type Socket } from "node:net";
import pg from "pg";

// A transaction pooler in miniature, as PgBouncer with pool_mode = transaction: it answers a client's greeting
// itself and lends it a server connection for one transaction at a time. Just enough of the protocol for a probe.

type Backend = { stream: Socket; end(): Promise<void> };

/** A message of the server: type byte, 32-bit length that counts itself, body. */
function* messages(buffer: Buffer): Generator<{ type: string; bytes: Buffer }> {
  for (let at = 0; at + 5 <= buffer.length; ) {
    const end = at + 1 + buffer.readInt32BE(at + 1);
    if (end > buffer.length) return;
    yield { type: String.fromCharCode(buffer[at] ?? 0), bytes: buffer.subarray(at, end) };
    at = end;
  }
}

const greeting = Buffer.concat([
  Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]),
  Buffer.from([0x4b, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1]),
  Buffer.from([0x5a, 0, 0, 0, 5, 0x49]),
]);

async function openBackend(url: string): Promise<Backend> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  stream.removeAllListeners("data");
  return { stream, end: () => new Promise((resolve) => stream.destroy().once("close", () => resolve())) };
}

function serve(client: Socket, idle: Backend[], order: "lifo" | "fifo"): void {
  let lent: Backend | undefined;
  let greeted = false;
  client.on("error", () => undefined);
  client.on("data", (chunk) => {
    if (!greeted) {
      greeted = true;
      client.write(greeting);
      return;
    }
    if (chunk[0] === 0x58) return;
    const backend = lent ?? (order === "lifo" ? idle.pop() : idle.shift());
    if (backend === undefined) throw new Error("the pooler has no connection left");
    if (lent === undefined) {
      lent = backend;
      let rest = Buffer.alloc(0);
      backend.stream.on("data", (answer: Buffer) => {
        client.write(answer);
        rest = Buffer.concat([rest, answer]);
        for (const { type, bytes } of messages(rest)) {
          rest = rest.subarray(bytes.length);
          // ReadyForQuery outside a transaction: the connection goes back to the others.
          if (type !== "Z" || bytes[5] !== 0x49) continue;
          backend.stream.removeAllListeners("data");
          lent = undefined;
          idle.push(backend);
        }
      });
    }
    backend.stream.write(chunk);
  });
}

/** Starts a pooler with three server connections, lent out newest first (`lifo`) or oldest first. */
export async function startTransactionPooler(
  url: string,
  order: "lifo" | "fifo",
): Promise<{ url: string; stop(): Promise<void> }> {
  const backends = await Promise.all([openBackend(url), openBackend(url), openBackend(url)]);
  const idle = [...backends];
  const server = createServer((client) => serve(client, idle, order));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const pooled = new URL(url);
  pooled.port = String(typeof address === "object" ? address?.port : 0);
  return {
    url: pooled.href,
    async stop() {
      await Promise.all(backends.map((backend) => backend.end()));
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
