import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

/** A payment provider that takes longer is down. */
const TIMEOUT_MS = 5_000;
/** The answers read here are a few hundred bytes; more is not an answer. */
const ANSWER_BYTES_MAX = 64 * 1_024;

export type Answered = { readonly status: number; readonly body: string };

/**
 * One HTTP exchange with a machine, of node's own parts so that a certificate made by this house can be trusted
 * (`ca`) for this one call and nowhere else. Rejects when there is no whole answer in time.
 */
export function send(options: {
  url: string;
  method: "GET" | "POST";
  headers?: Readonly<Record<string, string>>;
  body?: Buffer;
  ca?: string | undefined;
  signal?: AbortSignal | undefined;
}): Promise<Answered> {
  const url = new URL(options.url);
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  const body = options.body ?? Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      {
        method: options.method,
        agent: false,
        timeout: TIMEOUT_MS,
        headers: { "content-length": String(body.length), ...options.headers },
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > ANSWER_BYTES_MAX) call.destroy(new Error("The answer is too large"));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
        );
      },
    );
    // `timeout` watches for silence; a trickle must end as well.
    const whole = setTimeout(() => call.destroy(new Error("No answer in time")), TIMEOUT_MS);
    call.on("timeout", () => call.destroy(new Error("No answer in time")));
    call.on("error", reject);
    call.on("close", () => clearTimeout(whole));
    call.end(body);
  });
}
