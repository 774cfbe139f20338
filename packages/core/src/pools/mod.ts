// Pools, grabs, awards (docs/spec/pool.md): the numbers a server needs to know of.

export { RELEASE_GRACE_MS } from "./claim.ts";
export { GRAB_MEMORY_MS } from "./grab.ts";
