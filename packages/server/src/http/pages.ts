import { stat } from "node:fs/promises";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { App } from "./app.ts";
import { framedPolicy, PICTURE_POLICY } from "./headers.ts";
import type { Origins } from "./origins.ts";
import { problem } from "./problems.ts";

/** Addresses of the pages; each is `<name>.html` or `<name>/index.html` of the web build, the venue is `index.html`. */
const PAGES = ["studio", "verify"] as const;

/** Names with a hash of their content: `app-B3xk29Qz.js`. They never change, so they are never asked for again. */
const HASHED = /[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;
const FOREVER = "public, max-age=31536000, immutable";
/** Everything else is asked for each time and mostly answered with 304. */
const EACH_TIME = "no-cache";
const PICTURE_CACHE = "public, max-age=300";
/** What a show's folder may show to the world; show files and secrets beside them stay inside. */
const PICTURE = /^\/?[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.(?:svg|png|jpe?g|webp|avif|gif)$/;

/**
 * Serves the pages of the web build (`dist`) and its files, precompressed where the build made `.br` or `.gz`. The venue
 * page, and no other, may stand in a frame of a page of the list.
 */
export async function servePages(app: App, folder: string, origins: Pick<Origins, "further">): Promise<void> {
  await app.register(fastifyStatic, {
    root: folder,
    prefix: "/",
    index: false,
    dotfiles: "ignore",
    preCompressed: true,
    cacheControl: false,
    setHeaders: (response, path) => {
      // A precompressed file's name ends with its encoding.
      const name = path.replace(/\.(?:br|gz)$/, "");
      const hashed = name.includes("/assets/") && HASHED.test(name);
      response.setHeader("cache-control", hashed ? FOREVER : EACH_TIME);
    },
  });
  app.get("/", { schema: { hide: true } }, (_request, reply) => {
    if (origins.further.length > 0) {
      // `x-frame-options` knows no list; browsers that read the policy do not look at it.
      reply.removeHeader("x-frame-options").header("content-security-policy", framedPolicy(origins.further));
    }
    return reply.sendFile("index.html");
  });
  for (const page of PAGES) {
    const file = await firstFile(folder, [`${page}.html`, `${page}/index.html`]);
    for (const path of [`/${page}`, `/${page}/`]) {
      app.get(path, { schema: { hide: true } }, (_request, reply) => {
        if (file === undefined) throw problem("route.unknown", { detail: "The web pages are not built." });
        return reply.sendFile(file);
      });
    }
  }
}

async function firstFile(folder: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.isFile()) return name;
  }
  return undefined;
}

/** Serves the pictures of a show at `/pictures/<file>`: files of picture kinds, straight in the folder, nothing else. */
export async function servePictures(app: App, folder: string): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook("onSend", async (_request, reply) => {
      reply.header("content-security-policy", PICTURE_POLICY);
    });
    await scope.register(fastifyStatic, {
      root: folder,
      prefix: "/pictures/",
      decorateReply: false,
      index: false,
      dotfiles: "ignore",
      cacheControl: false,
      allowedPath: (path) => PICTURE.test(path),
      setHeaders: (response) => response.setHeader("cache-control", PICTURE_CACHE),
    });
  });
}
