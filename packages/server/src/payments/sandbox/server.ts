import { randomBytes } from "node:crypto";
import { type FastifyInstance, type FastifyReply, fastify } from "fastify";
import { z } from "zod";
import type { Log, Service } from "../../platform/mod.ts";
import { isSigned } from "../signature.ts";
import { Notifier } from "./notifier.ts";
import { paymentPage, unknownPage, wordsFor } from "./page.ts";
import { DELIVERIES, type Delivery, noticesOf, pressed, type SandboxPayment } from "./state.ts";
import { SandboxStore } from "./store.ts";

/** A request to make a payment is some hundred bytes, a pressed button some dozens. */
const BODY_BYTES_MAX = 8_192;

const webUrl = z.url({ protocol: /^https?$/ }).max(2_048);
const wanted = z.object({
  orderId: z.string().min(1).max(128),
  amount: z.object({ amountMinor: z.int().min(1), currency: z.string().regex(/^[A-Z]{3}$/) }),
  title: z.string().max(256),
  returnUrl: webUrl,
  notifyUrl: webUrl,
});

export type SandboxOptions = {
  /** Its own file; nobody else reads or writes it. */
  readonly file: string;
  /** Shared with the shop's provider adapter alone. */
  readonly secret: Uint8Array;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** How browsers reach it, when that is not `http(s)://localhost:<port>`. */
  readonly publicUrl?: string | undefined;
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  /** Certificate of the shop to trust when it was made here. */
  readonly ca?: string | undefined;
  readonly log: Log;
  readonly nowMs?: () => number;
};

/** The running sandbox: a payment provider's page and interface on an origin of its own. */
export type Sandbox = Service & {
  /** Opens its file and listens; needed before `run` and before `url`. */
  start(): Promise<void>;
  /** Where it listens, as this machine reaches it. */
  url(): string;
};

/**
 * Makes the sandbox payment provider: own port, own secret, own file. It knows the shop by signed requests and the
 * notify address only, so that nothing works here that would not work with a provider far away (PY8).
 */
export function createSandbox(options: SandboxOptions): Sandbox {
  const nowMs = options.nowMs ?? Date.now;
  const store = new SandboxStore(options.file);
  const notifier = new Notifier({ store, secret: options.secret, nowMs, ca: options.ca, log: options.log });
  const app = options.tls === undefined ? fastify(settings) : fastify({ ...settings, https: options.tls });
  const scheme = options.tls === undefined ? "http" : "https";
  let port = options.port;
  const parts = {
    store,
    secret: options.secret,
    nowMs,
    poke: () => notifier.poke(),
    publicUrl: () => options.publicUrl ?? `${scheme}://localhost:${port}`,
  };
  const plain = app as unknown as FastifyInstance;
  readRaw(plain);
  merchantRoutes(plain, parts);
  buyerRoutes(plain, parts);
  return {
    name: "sandbox",
    async start() {
      await store.open();
      await app.listen({ host: options.host, port: options.port });
      const address = app.server.address();
      if (typeof address === "object" && address !== null) port = address.port;
    },
    url: () => `${scheme}://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`,
    run: (signal) => notifier.run(signal),
    async stop() {
      await notifier.stop();
      await app.close();
      await store.close();
    },
  };
}

const settings = { logger: false as const, bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true as const };

type Parts = {
  readonly store: SandboxStore;
  readonly secret: Uint8Array;
  readonly nowMs: () => number;
  readonly poke: () => void;
  readonly publicUrl: () => string;
};

/** Bodies stay as they came: signatures are over bytes, and a pressed button is a form. */
function readRaw(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
}

function bytesOf(body: unknown): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/** What the shop's server may ask, signed. */
function merchantRoutes(app: FastifyInstance, parts: Parts): void {
  app.register(async (api) => {
    api.addHook("preHandler", async (request, reply) => {
      const body = Buffer.concat([Buffer.from(`${request.method} ${request.url}\n`), bytesOf(request.body)]);
      if (isSigned({ secret: parts.secret, headers: request.headers, nowMs: parts.nowMs(), body })) return;
      return reply.code(401).send({ error: "not signed by the shop" });
    });
    api.post("/api/payments", async (request, reply) => {
      const asked = wanted.safeParse(parsed(bytesOf(request.body)));
      if (!asked.success) return reply.code(422).send({ error: "malformed", issues: asked.error.issues });
      const payment = await made(parts, asked.data);
      const same =
        payment.amount.amountMinor === asked.data.amount.amountMinor &&
        payment.amount.currency === asked.data.amount.currency;
      if (!same) return reply.code(409).send({ error: "the order has a payment of another amount" });
      return { paymentId: payment.paymentId, payUrl: `${parts.publicUrl()}/pay/${payment.paymentId}` };
    });
    api.post<{ Params: { id: string } }>("/api/payments/:id/query", async (request, reply) => {
      const payment = parts.store.payment(request.params.id);
      await parts.store.flushed();
      return payment === null ? reply.code(404).send({ error: "unknown" }) : outcomeOf(payment);
    });
    api.post<{ Params: { id: string } }>("/api/payments/:id/cancel", async (request, reply) => {
      const payment = parts.store.payment(request.params.id);
      if (payment === null) return reply.code(404).send({ error: "unknown" });
      const cancelled = pressed(payment, "cancel", parts.nowMs());
      if (cancelled !== null) await parts.store.save(cancelled);
      await parts.store.flushed();
      return outcomeOf(cancelled ?? payment);
    });
  });
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null;
  }
}

/** One payment per order: asked again, the first one comes back (PY4). */
async function made(parts: Parts, asked: z.infer<typeof wanted>): Promise<SandboxPayment> {
  const known = parts.store.paymentOfOrder(asked.orderId);
  if (known !== null) {
    await parts.store.flushed();
    return known;
  }
  const createdAtMs = parts.nowMs();
  const paymentId = randomBytes(16).toString("hex");
  const payment: SandboxPayment = {
    ...asked,
    paymentId,
    createdAtMs,
    state: "open",
    why: "created",
    changedAtMs: createdAtMs,
  };
  await parts.store.save(payment);
  return payment;
}

function outcomeOf(payment: SandboxPayment) {
  const { paymentId, orderId, state, amount, changedAtMs } = payment;
  return { paymentId, orderId, state, amount, atMs: changedAtMs };
}

/** Scripts never run here, and no other page frames it; a form's answer may lead back to the shop alone. */
function sendPage(reply: FastifyReply, html: string, returnUrl?: string): FastifyReply {
  const formTargets = returnUrl === undefined ? "'self'" : `'self' ${new URL(returnUrl).origin}`;
  return reply
    .headers({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src 'unsafe-inline'; form-action ${formTargets}; base-uri 'none'; frame-ancestors 'none'`,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    })
    .send(html);
}

/** What the buyer sees and presses. The payment's id is 128 random bits: knowing it is the right to pay it. */
function buyerRoutes(app: FastifyInstance, parts: Parts): void {
  app.get<{ Params: { id: string } }>("/pay/:id", (request, reply) => {
    const words = wordsFor(request.headers["accept-language"]);
    const payment = parts.store.payment(request.params.id);
    if (payment === null) return sendPage(reply.code(404), unknownPage(words));
    return sendPage(reply, paymentPage(payment, words), payment.returnUrl);
  });
  app.post<{ Params: { id: string } }>("/pay/:id", async (request, reply) => {
    const words = wordsFor(request.headers["accept-language"]);
    const payment = parts.store.payment(request.params.id);
    if (payment === null) return sendPage(reply.code(404), unknownPage(words));
    const form = new URLSearchParams(bytesOf(request.body).toString("utf8"));
    const action = form.get("action");
    if (action !== "pay" && action !== "decline") {
      return sendPage(reply.code(422), paymentPage(payment, words), payment.returnUrl);
    }
    const chosen = form.get("delivery") ?? "at once";
    const delivery: Delivery = DELIVERIES.find((known) => known === chosen) ?? "at once";
    const moved = pressed(payment, action, parts.nowMs());
    if (moved !== null) {
      await parts.store.save(
        moved,
        noticesOf(moved, delivery, () => `notice-${randomBytes(12).toString("hex")}`),
      );
      parts.poke();
    }
    await parts.store.flushed();
    // A cancelled payment says so on its own page; whatever else it is now, the shop knows or will know.
    const now = moved ?? payment;
    return now.why === "cancelled"
      ? sendPage(reply.code(409), paymentPage(now, words), payment.returnUrl)
      : reply.redirect(payment.returnUrl, 303);
  });
}
