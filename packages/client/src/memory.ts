import type { ClientStorage } from "./options.ts";

/** The storage given, the browser's, or one that ends with the page: private windows may refuse theirs. */
export function storageOf(given: ClientStorage | null | undefined): ClientStorage {
  if (given) return given;
  if (given === undefined) {
    try {
      const own = globalThis.localStorage;
      own.getItem("");
      return own;
    } catch {
      // No storage here, or none for us.
    }
  }
  const items = new Map<string, string>();
  return { getItem: (key) => items.get(key) ?? null, setItem: (key, value) => void items.set(key, value) };
}

/** Keeps what it can; a full storage loses the newest, never the page. */
export function keep(storage: ClientStorage, key: string, value: string): void {
  try {
    storage.setItem(key, value);
  } catch {
    // Full or refused.
  }
}
