import { z } from "zod";
import { type App, problem, problemResponses } from "../http/mod.ts";
import { requireSession } from "../people/mod.ts";
import { Fault } from "../platform/mod.ts";
import { idSchema, orderViewSchema } from "./schemas.ts";
import type { Orders } from "./service.ts";

const tags = ["orders"];
const params = z.object({ order: idSchema });
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * An address on this machine as this browser reaches it: `localhost` would be the phone itself, so the name the phone
 * reached us by takes its place.
 */
export function reachableFrom(requestHostname: string, address: string): string {
  const url = new URL(address);
  if (!LOOPBACK.has(url.hostname)) return address;
  const host =
    requestHostname.includes(":") && !requestHostname.startsWith("[")
      ? `[${requestHostname}]`
      : requestHostname;
  if (!/^[A-Za-z0-9.\-[\]:]+$/.test(host)) return address;
  url.hostname = host;
  return url.href;
}

/** Orders as their buyer sees them, and the way to the payment page. Another's order looks like one that does not exist (OR7). */
export function orderRoutes(app: App, deps: OrderRoutesDeps): void {
  const { orders } = deps;

  app.get(
    "/api/orders/:order",
    {
      config: { limit: "read" },
      schema: {
        summary: "One of your orders",
        tags,
        params,
        response: {
          200: orderViewSchema,
          ...problemResponses("auth.missing", "order.unknown", "body.invalid", "rate.limited"),
        },
      },
    },
    async (request) => {
      const session = requireSession(request);
      const order = await orders.get(session.userId, request.params.order);
      if (order === null) throw problem("order.unknown");
      return order;
    },
  );

  app.get(
    "/api/me/orders",
    {
      config: { limit: "read" },
      schema: {
        summary: "Your orders, newest first",
        tags,
        response: {
          200: z.object({ orders: z.array(orderViewSchema) }),
          ...problemResponses("auth.missing", "rate.limited"),
        },
      },
    },
    async (request) => ({ orders: await orders.listOf(requireSession(request).userId) }),
  );

  payRoute(app, deps);
}

type OrderRoutesDeps = { readonly orders: Orders; readonly returnUrl: (orderId: string) => string };

function payRoute(app: App, { orders, returnUrl }: OrderRoutesDeps): void {
  app.get(
    "/api/orders/:order/pay",
    {
      schema: {
        summary: "Leads to the provider's payment page of an order",
        description: "The link's key is the right to pay; nothing else is shown by it.",
        tags,
        params,
        querystring: z.object({ k: z.string().max(64) }),
      },
    },
    async (request, reply) => {
      const { order } = request.params;
      if (!orders.isPayKey(order, request.query.k)) throw problem("order.unknown");
      const back = reachableFrom(request.hostname, returnUrl(order));
      try {
        const page = await orders.payPage(order, back);
        // Nothing to pay any more: the order's own page says what became of it.
        return reply.redirect(page === null ? back : reachableFrom(request.hostname, page), 303);
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== "payment.unavailable") throw error;
        // A person stands before this, not a program: back to the page, which says to try again.
        const again = new URL(back);
        again.searchParams.set("problem", error.code);
        return reply.redirect(again.href, 303);
      }
    },
  );
}
