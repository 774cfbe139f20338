import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { newRequestId } from "@wanhui/client";
import { WS_SUBPROTOCOL } from "@wanhui/protocol";
import { loadConfig, type Night, readServerFile, startNight } from "@wanhui/server";
import { afterAll, beforeAll, expect, test } from "vitest";
import WebSocket from "ws";
import {
  createTestDatabase,
  createTestFolder,
  removeTestFolder,
} from "../packages/server/src/platform/testing.ts";
import { startWire, type Wire } from "./faults/wire.fixture.ts";
import { rainShow } from "./rain-show.fixture.ts";

// A whole night watched from outside while people win, order and make mistakes (docs/spec/observe.md).

const address = {
  name: "欧阳不该出现",
  phone: "139 1234 5678",
  country: "CN",
  region: "北京市",
  city: "北京市",
  line1: "不该出现路88号院",
  line2: "",
  postcode: "100022",
};
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

const spans = new InMemorySpanExporter();
let folder: string;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let wire: Wire;
let night: Night;
let stop: () => Promise<void>;
/** What must be nowhere: everything people typed, and what lets them in. */
const secrets = [address.name, address.phone, address.line1, "13912345678"];

async function start(more: Record<string, string>) {
  const flags = {
    data: join(folder, "data"),
    host: "127.0.0.1",
    port: "0",
    "sandbox-port": "0",
    beacon: "dev",
    show: join(folder, "show.yaml"),
    "database-url": wire.url,
    "log-level": "debug",
    "log-file": join(folder, "server.log"),
    ...more,
  };
  const started = await startNight({
    config: loadConfig({ env: {}, flags }),
    fresh: false,
    rehearsal: false,
    version: "9.8.7-test",
  });
  const ended = new AbortController();
  const running = started.runUntil(ended.signal);
  return {
    night: started,
    stop: async () => {
      ended.abort();
      await running;
    },
  };
}

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
  folder = await createTestFolder();
  database = await createTestDatabase();
  wire = await startWire(database.url);
  await writeFile(join(folder, "show.yaml"), rainShow("watched"));
  ({ night, stop } = await start({}));
}, 60_000);
afterAll(async () => {
  await stop();
  await wire.stop();
  await database.drop();
  await removeTestFolder(folder);
  trace.disable();
  context.disable();
  propagation.disable();
});

type Answered = {
  readonly code?: string;
  readonly token?: string;
  readonly ticket?: string;
  readonly awardId?: string;
  readonly claim?: { readonly order: { readonly payUrl: string } };
};

async function post(path: string, token: string, body: unknown, more: Record<string, string> = {}) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", ...more };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(night.url + path, { method: "POST", headers, body: text });
  return (await answer.json().catch(() => ({}))) as Answered;
}

/** Two people: one wins and orders, one takes twice; then mistakes of every kind. */
async function playAWhile(): Promise<void> {
  const path = `/api/pools/${encodeURIComponent(`${night.run.run}/kettle`)}/take`;
  await expect
    .poll(
      async () => {
        const view = (await (await fetch(`${night.url}/api/show`)).json()) as { cues: { state: string }[] };
        return view.cues[0]?.state;
      },
      { timeout: 15_000 },
    )
    .toBe("live");
  for (let n = 0; n < 2; n += 1) {
    const { token = "" } = await post("/api/session", "", { bearer: true });
    const { ticket = "" } = await post("/api/socket-ticket", token, {});
    secrets.push(token, ticket);
    const { awardId } = await post(path, token, { requestId: newRequestId() });
    const claim = `/api/awards/${awardId}/claim`;
    await post(claim, token, { kind: "goods", address: { ...address, postcode: 7 } });
    await post(claim, token, `{"kind":"goods","address":"${address.line1}`);
    const order = await post(
      claim,
      token,
      { kind: "goods", address },
      { "idempotency-key": newRequestId(), traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
    );
    expect(order).not.toHaveProperty("code");
    const pay = await fetch(new URL(order.claim?.order.payUrl ?? "", night.url), {
      redirect: "manual",
      headers: { authorization: `Bearer ${token}`, traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
    });
    expect(pay.status).toBe(303);
    await takeOnSocket(ticket);
  }
  await fetch(`${night.url}/api/nobody/${encodeURIComponent(address.phone)}`);
  await claimWhileBroken(path);
}

/** A claim that fails inside the database, with everything somebody typed in its hands. */
async function claimWhileBroken(path: string): Promise<void> {
  const { token = "" } = await post("/api/session", "", { bearer: true });
  const { awardId } = await post(path, token, { requestId: newRequestId() });
  await database.pool.query("alter table orders rename to orders_gone");
  try {
    const key = { "idempotency-key": newRequestId() };
    const failed = await post(`/api/awards/${awardId}/claim`, token, { kind: "goods", address }, key);
    expect(failed.code).toBe("server.fault");
  } finally {
    await database.pool.query("alter table orders_gone rename to orders");
  }
}

/** One more than the cap allows: refused on the socket. */
async function takeOnSocket(ticket: string): Promise<void> {
  const socket = new WebSocket(`${night.url.replace("http", "ws")}/ws?ticket=${ticket}`, WS_SUBPROTOCOL);
  const heard: string[] = [];
  socket.on("message", (data) => void heard.push(String(data)));
  await once(socket, "open");
  socket.send(JSON.stringify({ t: "hello", v: 1 }));
  socket.send(JSON.stringify({ t: "take", pool: `${night.run.run}/kettle`, r: newRequestId() }));
  await expect.poll(() => heard.some((text) => text.includes("grab.cap_reached"))).toBe(true);
  socket.terminate();
}

/** Asked the way a scraper does, by any name and with any headers. */
function scrape(
  base: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path: "/metrics", headers }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    asked.on("error", reject).end();
  });
}

function valuesOf(body: string): Map<string, number> {
  const lines = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

const namesOf = (body: string) =>
  [...body.matchAll(/^# TYPE (\S+) (\S+)/gm)].map(([, name = "", type]) => ({ name, type }));

test("[OB7] two people win, order and make mistakes", playAWhile, 30_000);

test("[OB1] the format, the names, and a sentence about each in docs/observe.md", async () => {
  const answer = await fetch(`${night.url}/metrics`);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const served = namesOf(await answer.text());
  for (const { name, type } of served) {
    expect(name).toMatch(/^(wanhui|process|nodejs)_[a-z0-9_]+$/);
    if (name.startsWith("wanhui_"))
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
  }
  const manual = await readFile(new URL("../docs/observe.md", import.meta.url), "utf8");
  const explained = [...manual.matchAll(/^\| `(wanhui_\w+)` \|/gm)].map(([, name]) => name);
  const ours = served.map(({ name }) => name).filter((name) => name.startsWith("wanhui_"));
  expect(explained.sort()).toEqual(ours.sort());
});

test("[OB2] the machine itself may read without a token; who comes from afar, by another name or through a proxy may not", async () => {
  expect((await scrape(night.url)).status).toBe(200);
  for (const headers of [
    { "x-forwarded-for": "203.0.113.9" },
    { forwarded: "for=203.0.113.9" },
    { host: "rebound.example" },
  ]) {
    const refused = await scrape(night.url, headers as unknown as Record<string, string>);
    expect([refused.status, JSON.parse(refused.body).code]).toEqual([403, "metrics.closed"]);
  }
});

test("[OB3] [OB7] nobody is in the metrics, the log or the spans", async () => {
  const { body } = await scrape(night.url);
  const log = await readFile(join(folder, "server.log"), "utf8");
  const traces = spans
    .getFinishedSpans()
    .map(({ name, attributes, status, events }) => JSON.stringify({ name, attributes, status, events }));
  // Whatever is searched is there: a log without lines would prove nothing.
  expect(log).toContain('"route":"POST /api/awards/:award/claim"');
  for (const line of log.trim().split("\n"))
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number), msg: expect.any(String) });
  expect(secrets.length).toBe(8);
  for (const secret of secrets) {
    for (const text of [body, log, traces.join("\n")]) expect(text).not.toContain(secret);
  }
});

test("[OB4] asking needs nothing of the database: it is answered while none of its answers come", async () => {
  wire.hold();
  try {
    const asked = await Promise.race([
      scrape(night.url),
      new Promise<null>((resolve) => setTimeout(resolve, 2_000, null)),
    ]);
    expect(asked?.status).toBe(200);
    expect(valuesOf(asked?.body ?? "").get("wanhui_show_awards")).toBe(3);
  } finally {
    wire.go();
  }
});

test("[OB5] [OB9] what they say is what happened", async () => {
  const values = valuesOf((await scrape(night.url)).body);
  const pool = ["free", "held", "posted", "withdrawn"].map(
    (state) => values.get(`wanhui_pool_units{pool="kettle",state="${state}"}`) ?? 0,
  );
  expect(pool).toEqual([1, 3, 0, 0]);
  expect(values.get("wanhui_show_awards")).toBe(3);
  expect(values.get('wanhui_refusals_total{code="grab.cap_reached"}')).toBe(2);
  expect(values.get('wanhui_http_problems_total{code="body.invalid"}')).toBe(4);
  expect(values.get('wanhui_http_problems_total{code="route.unknown"}')).toBe(1);
  expect(values.get('wanhui_http_problems_total{code="server.fault"}')).toBe(1);
  expect(values.get('wanhui_build_info{version="9.8.7-test"}')).toBe(1);
  expect(values.get("wanhui_processes")).toBe(1);
  expect(values.get("wanhui_bus_up")).toBe(1);
  expect(values.get("wanhui_events_total")).toBeGreaterThan(2);
  const appends = 'wanhui_journal_operation_duration_seconds_count{operation="append",outcome="ok"}';
  expect(values.get(appends)).toBeGreaterThan(2);
  await expect
    .poll(async () => valuesOf((await scrape(night.url)).body).get('wanhui_show_orders{state="placed"}'), {
      timeout: 6_000,
    })
    .toBe(2);
});

test("[OB6] a request is a span that continues its caller's trace, and what it does is inside it", async () => {
  const all = spans.getFinishedSpans();
  const named = (name: string) => all.filter((span) => span.name === name);
  const claims = named("POST /api/awards/:award/claim");
  const continued = claims.filter((span) => span.spanContext().traceId === TRACE);
  expect(continued.length).toBe(2);
  expect(continued[0]?.attributes).toEqual({
    "http.request.method": "POST",
    "http.route": "/api/awards/:award/claim",
    "http.response.status_code": 200,
  });
  for (const name of ["journal.append", "journal.raise", "materialiser.carry"])
    expect([name, named(name).length > 0]).toEqual([name, true]);
  const paid = named("payment.create");
  expect(paid.length).toBe(2);
  for (const span of paid) expect(span.spanContext().traceId).toBe(TRACE);
});

test("[OB2] with a token it is the only way in, also from this machine; behind a proxy nobody comes in without one", async () => {
  const token = "a-token-of-the-operator";
  const statusAt = async (more: Record<string, string>, shown?: string) => {
    await stop();
    ({ night, stop } = await start(more));
    const file = await readServerFile(join(folder, "data"));
    const headers: Record<string, string> = shown === undefined ? {} : { authorization: `Bearer ${shown}` };
    return (await scrape(file.url, headers)).status;
  };
  expect(await statusAt({ "metrics-token": token })).toBe(403);
  expect(await statusAt({ "metrics-token": token }, `${token}s`)).toBe(403);
  expect(await statusAt({ "metrics-token": token, "public-url": "http://night.example" }, token)).toBe(200);
  expect(await statusAt({ "public-url": "http://night.example" })).toBe(403);
}, 60_000);
