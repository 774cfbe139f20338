// The door of `http`: one Fastify application, coded problems, the list of origins, pages and pictures, TLS.
// Routes of the capabilities are mounted on it by the composition root.

export { type App, type AppOptions, createApp, type Health } from "./app.ts";
export { createOrigins, type Origins } from "./origins.ts";
export { noContent, ProblemError, problem, problemResponses } from "./problems.ts";
export { loadTls, ownHostNames, qrCodeOf, type Tls } from "./tls.ts";
