import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** One number of a metric with labels. */
export type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** A metric's name and what it means; labels take their values from short fixed lists only (OB3). */
export type MetricName = {
  /** `wanhui_` and the unit last, counters with `_total` behind it. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
};

type Read = () => number | readonly Sample[];

/** Observations of one histogram. */
export type Observer = { observe(value: number, labels?: Readonly<Record<string, string>>): void };

/**
 * The numbers of this process as Prometheus reads them. Most are read where they stand when somebody asks, so that
 * what happens a thousand times a second pays nothing for being counted (OB4).
 */
export class Metrics {
  readonly #registry = new Registry();

  /** @param options.process also the process's own: CPU time, memory, event loop, garbage collection */
  constructor(options: { readonly process: boolean }) {
    if (options.process) collectDefaultMetrics({ register: this.#registry });
  }

  /** A number that rises and falls, read at each scrape. */
  gauge(metric: MetricName, read: Read): void {
    new Gauge({
      ...this.#settings(metric),
      collect() {
        this.reset();
        for (const { labels, value } of samplesOf(read())) this.set(labels, value);
      },
    });
  }

  /** A number that only rises while the process lives, read at each scrape. */
  counter(metric: MetricName, read: Read): void {
    new Counter({
      ...this.#settings(metric),
      collect() {
        this.reset();
        for (const { labels, value } of samplesOf(read())) this.inc(labels, value);
      },
    });
  }

  /** A number that nobody else keeps. @returns adds one */
  count(metric: MetricName): (labels?: Readonly<Record<string, string>>) => void {
    const counter = new Counter(this.#settings(metric));
    return (labels = {}) => counter.inc(labels);
  }

  /** How observations are spread over buckets, their number and their sum. */
  histogram(metric: MetricName & { readonly buckets: readonly number[] }): Observer {
    const histogram = new Histogram({ ...this.#settings(metric), buckets: [...metric.buckets] });
    return { observe: (value, labels = {}) => histogram.observe(labels, value) };
  }

  /** Everything in the text format, and its content type. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }

  #settings({ name, help, labels = [] }: MetricName) {
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }
}

function samplesOf(read: ReturnType<Read>): readonly Sample[] {
  return typeof read === "number" ? [{ labels: {}, value: read }] : read;
}
