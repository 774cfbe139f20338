import {
  type Attributes,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { errorCode } from "./fault.ts";

const NAME = "wanhui";

/**
 * Does the work inside a span of the OpenTelemetry API. Without an SDK registered by whoever runs the process it is a
 * call and nothing more. Attributes hold no personal data, and of an error only its code: messages may quote what
 * somebody typed (OB6).
 */
export function traced<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  return trace.getTracer(NAME).startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      failed(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** A request that somebody sent us, until it is answered. */
export type ServedSpan = {
  /** Runs what follows as part of the span. */
  within(next: () => void): void;
  /** @param route the route's pattern, never the address that was asked for */
  end(answer: { readonly method: string; readonly route: string; readonly status: number }): void;
};

/** Begins a span for a request; continues the trace of its `traceparent` header if it has one. */
export function serverSpan(headers: Readonly<Record<string, unknown>>): ServedSpan {
  const parent = propagation.extract(context.active(), headers);
  const span = trace.getTracer(NAME).startSpan("HTTP", { kind: SpanKind.SERVER }, parent);
  return {
    within: (next) => context.with(trace.setSpan(parent, span), next),
    end({ method, route, status }) {
      span.updateName(`${method} ${route}`);
      span.setAttributes({
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
      });
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

function failed(span: Span, error: unknown): void {
  const code = errorCode(error) ?? (error instanceof Error ? error.name : "unknown");
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  span.setAttribute("error.type", code);
}
