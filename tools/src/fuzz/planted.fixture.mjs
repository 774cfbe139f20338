// A little server that says what a night under test says, with one fault planted in it (FZ6). Run with --expose-gc.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

/** A shard that stops does so after this many requests. */
const STOPS_AFTER = 500;

const fault = process.env.WANHUI_PLANTED_FAULT ?? "";
const kept = [];
let asked = 0;

const description = {
  paths: {
    "/api/thing/{id}": {
      post: {
        parameters: [{ name: "id", in: "path", schema: { type: "string" } }],
        requestBody: {
          content: {
            "application/json": {
              schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
            },
          },
        },
      },
    },
  },
};

const json = (response, status, body, type = "application/json") => {
  response.writeHead(status, { "content-type": type });
  response.end(JSON.stringify(body));
};
const problem = (response, status, code) =>
  json(response, status, { code, status }, "application/problem+json");

const server = createServer((request, response) => {
  const { url = "/", method } = request;
  request.resume();
  if (url === "/docs/json") return json(response, 200, description);
  if (url.startsWith("/operator/")) {
    response.writeHead(303, { "set-cookie": "wanhui_staff=s; Path=/", location: "/studio" });
    return response.end();
  }
  if (url === "/api/session" && method === "POST") return json(response, 200, { token: "t" });
  if (url === "/api/show") return json(response, 200, { rounds: [], prizes: [], cues: [], stream: "s" });
  if (url === "/api/socket-ticket") return json(response, 200, { ticket: "x" });
  const hasStopped = asked > STOPS_AFTER;
  if (url === "/health") {
    const isIll = fault === "ill" && hasStopped;
    const parts = { engine: isIll ? "shard 1 stopped" : "running", database: "running" };
    return json(response, isIll ? 503 : 200, { ok: !isIll, version: "0", parts });
  }
  asked += 1;
  if (fault === "leak") kept.push(Array.from({ length: 8_000 }, (_, n) => n / (asked + 2)));
  const isTurn = asked % 7 === 0 && url.startsWith("/api/thing");
  if (isTurn && fault === "500") return problem(response, 500, "server.fault");
  if (isTurn && hasStopped && fault === "stopped") return problem(response, 503, "engine.stopped");
  if (isTurn && hasStopped && fault === "broken") return problem(response, 500, "engine.broken");
  // Passes by itself: no fault.
  if (isTurn && fault === "") return problem(response, 503, "engine.busy");
  if (isTurn && fault === "code") return problem(response, 400, "no.such_code");
  if (isTurn && fault === "inside")
    return json(response, 404, { code: "route.unknown", detail: "at f (x.js:10)" });
  if (isTurn && fault === "closed") return request.socket.destroy();
  if (isTurn && fault === "crash") throw new Error("planted");
  problem(response, 404, "route.unknown");
});

server.on("upgrade", (request, socket) => {
  if (!request.url.startsWith("/ws")) {
    return socket.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  }
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  );
  socket.on("error", () => undefined);
  // Says nothing of RFC 6455: the first frame it gets ends the socket with 4002, or, planted, with nothing at all.
  socket.once("data", () => {
    if (fault === "cut") return socket.destroy();
    socket.end(Buffer.from([0x88, 2, 4002 >> 8, 4002 & 0xff]));
  });
});

server.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  process.send({ t: "ready", url, operatorUrl: `${url}/operator/x`, run: "planted-1" });
});
process.on("message", () => {
  for (let n = 0; n < 3; n += 1) globalThis.gc();
  process.send({ t: "held", held: { heapBytes: process.memoryUsage().heapUsed, resources: {} } });
});
process.on("SIGTERM", () => process.exit(0));
process.on("disconnect", () => process.exit(0));
