/**
 * Runs `work` with a signal that ends with the first of `signals`, and at the latest when `work` is over.
 *
 * For what happens again and again under a signal that lives as long as the process: each `AbortSignal.any` leaves an
 * entry in such a signal for good (Node 20), and a night makes hundreds of thousands. Nothing stays behind here.
 *
 * @param signals of any age; one that has ended already ends the work at once
 */
export async function withSignal<T>(
  signals: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const ends = signals.map((signal) => ({ signal, end: () => own.abort(signal.reason) }));
  try {
    for (const { signal, end } of ends) {
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true });
    }
    return await work(own.signal);
  } finally {
    for (const { signal, end } of ends) signal.removeEventListener("abort", end);
    own.abort();
  }
}
