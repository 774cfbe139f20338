import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { deserialize, serialize } from "node:v8";
import { errorCode } from "../platform/mod.ts";
import type { ChainEnd } from "./replay.ts";
import type { Snapshot, SnapshotStore } from "./snapshot.ts";

// The file: the length of the head (4 bytes, little endian), its SHA-256, the head as JSON, then the parts, each as a
// structured clone in V8's own encoding and with its SHA-256 in the head.

const LENGTH_BYTES = 4;
const HASH_BYTES = 32;
/** A head names a dozen parts: a longer one is no head. */
const HEAD_BYTES_MAX = 1_048_576;

type Part = {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly sha256: string;
};
type Head = { readonly build: string; readonly ends: readonly ChainEnd[]; readonly parts: readonly Part[] };

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/**
 * One snapshot in one file, replaced whole.
 *
 * @param options.build what wrote it: another build may think of the same names otherwise, and finds none
 */
export function createSnapshotFile(options: {
  readonly path: string;
  readonly build: () => Promise<string>;
}): SnapshotStore {
  const { path, build } = options;
  return {
    async read() {
      const file = await open(path, "r").catch((error: unknown) => {
        if (errorCode(error) === "ENOENT") return null;
        throw error;
      });
      if (file === null) return null;
      const { head, bodyAt } = await readHead(file).finally(() => file.close());
      return head.build === (await build()) ? snapshotOf(path, head, bodyAt) : null;
    },
    async write(ends, parts) {
      const bodies: Buffer[] = [];
      const placed: Part[] = [];
      let offset = 0;
      for (const [name, data] of parts) {
        const body = serialize(data);
        placed.push({ name, offset, bytes: body.length, sha256: sha256(body).toString("hex") });
        bodies.push(body);
        offset += body.length;
      }
      const head = Buffer.from(JSON.stringify({ build: await build(), ends, parts: placed } satisfies Head));
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32LE(head.length);
      await replaceFile(path, [length, sha256(head), head, ...bodies]);
    },
  };
}

function snapshotOf(path: string, head: Head, bodyAt: number): Snapshot {
  return {
    ends: head.ends,
    names: head.parts.map(({ name }) => name),
    async part(name) {
      const part = head.parts.find((one) => one.name === name);
      if (part === undefined) throw new Error(`The snapshot has no part ${name}`);
      const file = await open(path, "r");
      try {
        const bytes = await readBytes(file, bodyAt + part.offset, part.bytes);
        if (sha256(bytes).toString("hex") !== part.sha256) throw new Error(`Its part ${name} is damaged`);
        return deserialize(bytes);
      } finally {
        await file.close();
      }
    },
  };
}

async function readHead(file: FileHandle): Promise<{ head: Head; bodyAt: number }> {
  const length = (await readBytes(file, 0, LENGTH_BYTES)).readUInt32LE();
  if (length > HEAD_BYTES_MAX) throw new Error("Its head is damaged");
  const hash = await readBytes(file, LENGTH_BYTES, HASH_BYTES);
  const bytes = await readBytes(file, LENGTH_BYTES + HASH_BYTES, length);
  if (!sha256(bytes).equals(hash)) throw new Error("Its head is damaged");
  // Our own: its hash says so.
  const head = JSON.parse(bytes.toString("utf8")) as Head;
  return { head, bodyAt: LENGTH_BYTES + HASH_BYTES + length };
}

async function readBytes(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, position + done);
    if (bytesRead === 0) throw new Error("It ends too early");
    done += bytesRead;
  }
  return buffer;
}

async function replaceFile(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const next = `${path}.new`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(next, "w", 0o600);
    try {
      for (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
}
