import { createRequire } from "node:module";

const manifest = createRequire(import.meta.url)("../package.json") as { version: string };

/** Version of the package, as printed and as written into proofs. */
export const { version } = manifest;
