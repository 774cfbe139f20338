type Listeners<Events> = { [Name in keyof Events]?: Set<(value: Events[Name]) => void> };

/** Typed events, in the order of their listeners. A listener that throws spoils it for nobody else. */
export class Emitter<Events> {
  readonly #listeners: Listeners<Events> = {};

  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const set = this.#listeners[name] ?? new Set();
    this.#listeners[name] = set;
    set.add(listener);
    return () => void set.delete(listener);
  }

  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of this.#listeners[name] ?? []) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
