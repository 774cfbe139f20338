import type { ClientStorage } from "./options.ts";

/** A storage that never refuses: what the real one has no room for is kept until the page ends. */
export type Memory = Required<ClientStorage> & {
  /** False once something found no room, or where there is no storage at all. */
  readonly lasting: boolean;
};

/** The storage given, the browser's, or one that ends with the page: private windows may refuse theirs. */
export function memoryOf(given: ClientStorage | null | undefined): Memory {
  const storage = given === undefined ? ownStorage() : given;
  const items = new Map<string, string>();
  let lasting = storage !== null;
  return {
    get lasting() {
      return lasting;
    },
    getItem: (key) => items.get(key) ?? storage?.getItem(key) ?? null,
    setItem(key, value) {
      try {
        storage?.setItem(key, value);
        if (storage === null) items.set(key, value);
        else items.delete(key);
      } catch {
        // Full or refused.
        items.set(key, value);
        lasting = false;
      }
    },
    removeItem(key) {
      items.delete(key);
      if (storage?.removeItem !== undefined) storage.removeItem(key);
      else if (storage?.getItem(key)) this.setItem(key, "");
    },
  };
}

function ownStorage(): ClientStorage | null {
  try {
    const own = globalThis.localStorage;
    own.getItem("");
    return own;
  } catch {
    // No storage here, or none for us.
    return null;
  }
}
