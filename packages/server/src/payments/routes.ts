import { type App, noContent, problem, problemResponses } from "../http/mod.ts";
import { type ReceiverDeps, receiveNotice } from "./receiver.ts";

/** Where the provider sends its notices, below the server's own address. */
export function noticePath(providerName: string): string {
  return `/api/payments/${providerName}/notices`;
}

/** The receiver of the provider's notices. Signed by the provider, so no session and no origin is asked for. */
export function paymentRoutes(app: App, deps: ReceiverDeps): void {
  app.register(async (scope) => {
    // The signature is over bytes: a body that was parsed and written again is another body.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    scope.post(
      noticePath(deps.provider.name),
      {
        schema: {
          summary: "Notices of the payment provider, signed over the raw body",
          tags: ["payments"],
          response: {
            204: noContent,
            ...problemResponses("payment.bad_signature", "payment.bad_amount", "order.unknown"),
          },
        },
      },
      async (request, reply) => {
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const received = await receiveNotice(deps, request.headers, body);
        if (!received.ok) throw problem(received.code);
        return reply.code(204).send(undefined);
      },
    );
  });
}
