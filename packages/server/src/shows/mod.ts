// The door of `shows`: show files, runs, the board the pages see, the director, the studio.

export * from "./definition.ts";
export { type ParsedShow, parseShow } from "./parse-show.ts";
