import { randomUUID } from "node:crypto";
import { z } from "zod";
import { Fault } from "../platform/mod.ts";
import {
  type CreatedPayment,
  type PaymentProvider,
  paymentUnavailable,
  type VerifiedNotice,
} from "./provider.ts";
import { send } from "./send.ts";
import { isSigned, signedHeaders } from "./signature.ts";

const outcome = z.object({
  paymentId: z.string(),
  orderId: z.string(),
  state: z.enum(["open", "paid", "closed"]),
  amount: z.object({ amountMinor: z.int(), currency: z.string() }),
  atMs: z.int(),
});
const created = z.object({ paymentId: z.string(), payUrl: z.url() });
const notice = outcome.extend({ noticeId: z.string().min(1).max(128) });

/**
 * The port to the sandbox, a payment provider where no money moves. It knows of the sandbox what a merchant knows of a
 * real provider: an address, a shared secret, and what it answers.
 *
 * @param options.baseUrl where the sandbox listens, as this process reaches it
 * @param options.secret shared with the sandbox alone; signs requests and notices
 * @param options.ca certificate to trust when the sandbox speaks TLS with one made here
 */
export function createSandboxProvider(options: {
  baseUrl: () => string;
  secret: Uint8Array;
  ca?: string | undefined;
  nowMs?: () => number;
}): PaymentProvider {
  const nowMs = options.nowMs ?? Date.now;

  async function ask<T>(
    method: "GET" | "POST",
    path: string,
    schema: z.ZodType<T>,
    content: unknown = {},
  ): Promise<T> {
    const body = Buffer.from(JSON.stringify(content));
    const id = randomUUID();
    // The path is signed with the body: a signed query must not pass as a signed cancellation.
    const signed = Buffer.concat([Buffer.from(`${method} ${path}\n`), body]);
    const headers = {
      "content-type": "application/json",
      ...signedHeaders({ secret: options.secret, id, nowMs: nowMs(), body: signed }),
    };
    try {
      const ca = options.ca;
      const answer = await send({ url: new URL(path, options.baseUrl()).href, method, headers, body, ca });
      if (answer.status < 200 || answer.status > 299) throw new Error(`It answered ${answer.status}`);
      return schema.parse(JSON.parse(answer.body));
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      throw paymentUnavailable("The sandbox did not answer", cause);
    }
  }

  return {
    name: "sandbox",
    create: (request): Promise<CreatedPayment> => ask("POST", "/api/payments", created, request),
    query: (paymentId) => ask("POST", `/api/payments/${paymentId}/query`, outcome),
    async cancel(paymentId) {
      await ask("POST", `/api/payments/${paymentId}/cancel`, outcome);
    },
    verifyNotice(headers, rawBody): VerifiedNotice {
      const refused = { ok: false, code: "payment.bad_signature" } as const;
      if (!isSigned({ secret: options.secret, headers, nowMs: nowMs(), body: rawBody })) return refused;
      try {
        return { ok: true, notice: notice.parse(JSON.parse(rawBody.toString("utf8"))) };
      } catch {
        // Signed by the secret and yet no notice: not ours to guess what it means.
        return refused;
      }
    },
  };
}
