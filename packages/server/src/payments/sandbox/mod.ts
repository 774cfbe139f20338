// The door of the sandbox: a payment provider of its own, where no money moves.

export { createSandbox, type Sandbox, type SandboxOptions } from "./server.ts";
