import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { CODES } from "@wanhui/protocol";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import type { App } from "./app.ts";
import { DOCS_POLICY } from "./headers.ts";

/** The API described by its own schemas at `/docs` (`/docs/json` for machines), and every code at `/docs/codes`. */
export async function serveDocs(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Wanhui",
        version,
        description:
          "Times are Unix milliseconds of the server's clock, money is in minor units, bytes are lower-case hex.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
    },
    transform: jsonSchemaTransform,
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: DOCS_POLICY });
  const page = codesPage();
  app.get("/docs/codes", { schema: { hide: true } }, (_request, reply) =>
    reply.type("text/html; charset=utf-8").send(page),
  );
}

function codesPage(): string {
  const rows = Object.entries(CODES).map(([code, entry]) => {
    const wait = "retryMs" in entry ? ` after ${entry.retryMs} ms` : "";
    return `<tr id="${code}"><th scope="row"><code>${code}</code></th><td>${entry.status}</td><td>${entry.next}${wait}</td><td>${entry.means}</td></tr>`;
  });
  return [
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Wanhui: codes</title>',
    "<h1>Codes</h1><table><thead><tr><th>code<th>status<th>next step<th>means</thead><tbody>",
    ...rows,
    "</tbody></table></html>",
  ].join("\n");
}
