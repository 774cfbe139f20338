// What exists in the night under test, by the names fields have: so that right values are right all the way.

/** Somebody the fuzzer may be. */
export type Fuzzer = { readonly token: string; readonly awards: string[] };

/** Values by the name of the field or parameter they belong in. */
export type Names = { of(name: string): readonly string[] };

export type World = {
  readonly host: string;
  readonly people: readonly Fuzzer[];
  /** Cookies of operators. */
  readonly staff: readonly string[];
  readonly names: Names;
  /** Tokens of the host platform that were right once. */
  readonly platformTokens: readonly string[];
};

/** Makes the names out of lists; what is not listed has none. */
export function namesOf(lists: Readonly<Record<string, readonly string[]>>): Names {
  return { of: (name) => (Object.hasOwn(lists, name) ? (lists[name] ?? []) : []) };
}
