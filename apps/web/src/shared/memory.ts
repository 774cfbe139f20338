// What this browser remembers. Storage can be full, forbidden or absent: nothing on the page depends on it.

type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

function shelf(kind: "localStorage" | "sessionStorage"): Shelf | null {
  try {
    return globalThis[kind] ?? null;
  } catch {
    return null;
  }
}

/** Reads what was remembered under a key; null when there is nothing, or nothing readable. */
export function recall<T>(key: string, kind: "localStorage" | "sessionStorage" = "localStorage"): T | null {
  try {
    const text = shelf(kind)?.getItem(key) ?? null;
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

/** Remembers a JSON value; a refusal of the browser is not an error. */
export function remember(
  key: string,
  value: unknown,
  kind: "localStorage" | "sessionStorage" = "localStorage",
): void {
  try {
    shelf(kind)?.setItem(key, JSON.stringify(value));
  } catch {
    // Private windows and full disks: the page works without.
  }
}

/** Forgets one key. */
export function forget(key: string, kind: "localStorage" | "sessionStorage" = "localStorage"): void {
  try {
    shelf(kind)?.removeItem(key);
  } catch {
    // As above.
  }
}
