// Words on the wire. Types, codes and limits only: the zod schemas stand behind the second door `./schemas`,
// which the client never imports.

export * from "./codes.ts";
export * from "./limits.ts";
export * from "./messages.ts";
export * from "./studio.ts";
export * from "./taps.ts";
export * from "./views.ts";
export { openWindow } from "./windows.ts";
