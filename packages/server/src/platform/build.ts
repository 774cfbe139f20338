import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const server = fileURLToPath(new URL("..", import.meta.url));

/**
 * One hash over the code that runs: this package and the rules it rests on, and V8, whose encoding data is kept in. Two
 * processes with the same one read each other's data alike. Takes some tens of milliseconds.
 */
export async function readBuild(): Promise<string> {
  const rules = dirname(createRequire(import.meta.url).resolve("@wanhui/core"));
  const hash = createHash("sha256").update(process.versions.v8);
  for (const folder of [server, rules]) {
    const code = (await readdir(folder, { recursive: true })).filter((name) =>
      [".js", ".ts"].includes(extname(name)),
    );
    for (const name of code.sort()) hash.update(`\n${name}\n`).update(await readFile(join(folder, name)));
  }
  return hash.digest("hex");
}
