// Speaks the real wire, without rules: a state on demand. Serves the built pages with the strict policy.

import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import {
  type AwardView,
  type CtlMessage,
  decodeTaps,
  type ServerMessage,
  type ShowView,
} from "@wanhui/protocol";
import { type WebSocket, WebSocketServer } from "ws";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'";

/** Answers a question; `null` cuts the line without a word, after which a browser may ask the same again by itself. */
export type Route = (body: unknown, url: URL) => readonly [number, unknown] | null;
export type Take = (request: string) => ServerMessage;
export type FakeOptions = {
  readonly dist: string;
  readonly show: () => ShowView | null;
  readonly awards?: () => readonly AwardView[];
  readonly onTap?: (fake: Fake, drawIndex: number) => void;
  readonly take?: Take;
  /** Answers of further routes: `METHOD /path` to status and body, or to none at all. */
  readonly routes?: Readonly<Record<string, Route>>;
  /** Routes that come and go during a test, looked for before the others by `METHOD /path`. */
  readonly find?: (name: string) => Route | undefined;
};

export type Fake = {
  readonly url: string;
  readonly send: (message: ServerMessage) => void;
  readonly ctl: (...messages: readonly CtlMessage[]) => void;
  /** Drops every socket and refuses new ones until `up`. */
  readonly down: () => void;
  readonly up: () => void;
  readonly bodies: unknown[];
  readonly offset: () => number;
  readonly stop: () => Promise<void>;
};

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === "" ? undefined : JSON.parse(text);
}

function json(response: ServerResponse, status: number, body: unknown): void {
  if (status === 204) return void response.writeHead(204).end();
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function file(dist: string, path: string, response: ServerResponse): Promise<void> {
  const pages: Readonly<Record<string, string>> = {
    "/": "index.html",
    "/studio": "studio.html",
    "/verify": "verify.html",
  };
  const name = pages[path] ?? normalize(path).slice(1);
  const folder = path.startsWith("/pictures/")
    ? join(import.meta.dirname, "../../../../examples/spring-gala")
    : dist;
  const content = await readFile(join(folder, name)).catch(() => null);
  if (content === null)
    return json(response, 404, { code: "route.unknown", status: 404, title: "", type: "" });
  response.writeHead(200, {
    "content-type": TYPES[extname(name)] ?? "application/octet-stream",
    "content-security-policy": POLICY,
  });
  response.end(content);
}

type Routes = Record<string, Route>;

const visit = { user: "01".repeat(16), level: "guest", roles: ["viewer"], synthetic: false };

function routesOf(options: FakeOptions): Routes {
  return {
    "POST /api/session": () => [200, visit],
    "GET /api/session": () => [200, visit],
    "POST /api/socket-ticket": () => [200, { ticket: "t", expiresAtMs: Date.now() + 60_000, pseudonyms: {} }],
    "GET /api/show": () => {
      const show = options.show();
      return show === null ? [404, { type: "", title: "", status: 404, code: "show.unknown" }] : [200, show];
    },
    "GET /api/me/awards": () => [200, { awards: options.awards?.() ?? [] }],
    ...options.routes,
  };
}

/** Answers one frame of a page. */
function hear(
  options: FakeOptions,
  fake: Fake,
  socket: WebSocket,
  frame: { data: Buffer; binary: boolean },
): void {
  const at = Date.now();
  const answer = (message: ServerMessage) => socket.send(JSON.stringify(message));
  if (frame.binary) {
    const taps = decodeTaps(new Uint8Array(frame.data));
    if (taps !== null) options.onTap?.(fake, taps.drawIndex);
    return;
  }
  const message = JSON.parse(frame.data.toString()) as { t: string; c?: number; r?: string };
  if (message.t === "hello") {
    const place = { stream: "s1", offset: fake.offset(), tickMs: 100, resumed: true, me: 0 };
    answer({ t: "hello", v: 1, at, user: visit.user, ...place });
  }
  if (message.t === "ping") answer({ t: "pong", c: message.c ?? 0, at });
  if (message.t === "take" && message.r !== undefined && options.take !== undefined)
    answer(options.take(message.r));
}

/** Starts a fake on a free port of the loopback. */
export async function startFake(options: FakeOptions): Promise<Fake> {
  const sockets = new Set<WebSocket>();
  const bodies: unknown[] = [];
  const routes = routesOf(options);
  let isDown = false;
  let offset = 0;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://fake");
    const path = url.pathname;
    const name = `${request.method} ${path}`;
    const route = options.find?.(name) ?? routes[name];
    if (isDown && path.startsWith("/api")) return void response.destroy();
    if (route === undefined) return void file(options.dist, path, response);
    const body = await readBody(request);
    if (body !== undefined) bodies.push(body);
    const answer = route(body, url);
    if (answer === null) return void response.destroy();
    json(response, ...answer);
  });
  const lanes = new WebSocketServer({ server, path: "/ws", handleProtocols: () => "wanhui.1" });
  lanes.on("connection", (socket) => {
    if (isDown) return socket.terminate();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("message", (data, binary) => hear(options, fake, socket, { data: data as Buffer, binary }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fake: Fake = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies,
    offset: () => offset,
    send: (message) => {
      for (const socket of sockets) socket.send(JSON.stringify(message));
    },
    ctl: (...messages) => {
      offset += messages.length;
      fake.send({ t: "f", at: Date.now(), s: "s1", o: offset, ctl: messages });
    },
    down: () => {
      isDown = true;
      for (const socket of sockets) socket.terminate();
    },
    up: () => {
      isDown = false;
    },
    stop: async () => {
      for (const socket of sockets) socket.terminate();
      lanes.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return fake;
}
