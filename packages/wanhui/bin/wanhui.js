#!/usr/bin/env -S node --max-semi-space-size=64
// Committed, so that npm links the command at install time, before anything is built. The larger young generation
// keeps what lives for one journal tick from being copied to the old one: a fifth of a grab's cost.
import { existsSync } from "node:fs";

const entry = new URL("../dist/mod.js", import.meta.url);
if (!existsSync(entry)) {
  process.stderr.write("wanhui is not built yet. Run: npm run build\n");
  process.exit(1);
}
const { main } = await import(entry.href);
await main(process.argv.slice(2));
