import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { SHOW_LIMITS, type ShowProblem } from "./definition.ts";

// A YAML document as fields that know their path, line and column, and a reader that collects every problem.

/** A value somewhere in the document. `node` is null where a key has no value. */
export type Field = { readonly path: string; readonly node: Node | null; readonly offset: number };

/** The fields of one mapping. */
export type FieldMap = {
  readonly at: Field;
  /** The field, or null when the file does not have it. */
  get(name: string): Field | null;
  /** The field, or null with a problem [SH2]. */
  need(name: string): Field | null;
};

/** Collects problems while a document is read; a failed read answers undefined and has already said why. */
export type FieldReader = {
  readonly problems: ShowProblem[];
  problem(at: Field, rule: string, message: string): void;
  /** A mapping that has no other fields than `known`. */
  map(at: Field, known: readonly string[]): FieldMap | undefined;
  /** The items of a list; beyond `max` it is a problem [SH19] and the rest is not read. */
  list(at: Field, max: number): Field[] | undefined;
  text(at: Field): string | undefined;
  /** A whole number between `min` and `max`, both included. */
  integer(at: Field, rule: string, min: number, max: number): number | undefined;
  flag(at: Field): boolean | undefined;
  /** One of a few words. */
  word<Word extends string>(at: Field, rule: string, words: readonly Word[]): Word | undefined;
  /** Whether the field is a list, a mapping or a plain value. */
  shape(at: Field): "list" | "mapping" | "value";
};

/** Letters to insert, delete or replace to get from one word to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known word nearest to a misspelt one, or null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  // A third of the letters may differ, two in any word longer than three letters.
  let bestDistance = (word.length <= 3 ? 1 : Math.max(2, Math.floor(word.length / 3))) + 1;
  for (const candidate of known) {
    const far = distance(word.toLowerCase(), candidate.toLowerCase());
    if (far < bestDistance) [best, bestDistance] = [candidate, far];
  }
  return best;
}

/** ` did you mean ...?`, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === null ? "" : `, did you mean \`${near}\`?`;
}

/**
 * Reads YAML 1.2 and hands out the root field.
 *
 * @returns `root` null when the text is not one readable document; `reader.problems` says why [SH1]
 */
export function readYaml(text: string): { reader: FieldReader; root: Field | null } {
  const lines = new LineCounter();
  const problems: ShowProblem[] = [];
  const add = (offset: number, field: string, rule: string, message: string) => {
    const { line, col } = lines.linePos(offset);
    problems.push({ line: Math.max(line, 1), column: Math.max(col, 1), field, rule, message });
  };
  if (Buffer.byteLength(text) > SHOW_LIMITS.fileBytesMax) {
    add(0, "", "SH1", `the file is larger than ${SHOW_LIMITS.fileBytesMax} bytes`);
    return { reader: createReader(problems, add, (node) => node), root: null };
  }
  const document = parseDocument(text, { version: "1.2", lineCounter: lines, prettyErrors: false });
  const resolve = (node: Node | null): Node | null =>
    isAlias(node) ? (node.resolve(document) ?? null) : node;
  for (const { pos, message } of [...document.errors, ...document.warnings]) {
    add(pos[0], "", "SH1", message.replace(/\s+/gu, " "));
  }
  const reader = createReader(problems, add, resolve);
  const readable = document.errors.every(({ code }) => code === "DUPLICATE_KEY");
  if (!readable) return { reader, root: null };
  return { reader, root: { path: "", node: document.contents, offset: 0 } };
}

type Add = (offset: number, field: string, rule: string, message: string) => void;

function describeNode(node: Node | null): string {
  if (node === null) return "nothing";
  if (isMap(node)) return "a mapping";
  if (isSeq(node)) return "a list";
  return isScalar(node) ? JSON.stringify(node.value) : "an alias of nothing";
}

function offsetOf(node: Node | null, otherwise: number): number {
  return node?.range?.[0] ?? otherwise;
}

function createReader(
  problems: ShowProblem[],
  add: Add,
  resolve: (node: Node | null) => Node | null,
): FieldReader {
  const problem = (at: Field, rule: string, message: string) => add(at.offset, at.path, rule, message);
  const scalar = (at: Field): unknown => {
    const node = resolve(at.node);
    return isScalar(node) ? node.value : undefined;
  };
  const wrong = (at: Field, wanted: string) => {
    problem(at, "SH2", `this must be ${wanted}, it is ${describeNode(resolve(at.node))}`);
    return undefined;
  };
  return {
    problems,
    problem,
    map: (at, known) => {
      const fields = mapFields(at, resolve(at.node));
      if (fields === undefined) return wrong(at, "a mapping");
      for (const [name, field] of fields) {
        if (known.includes(name)) continue;
        problem(field.key, "SH2", `unknown field \`${name}\`${didYouMean(name, known)}`);
      }
      return {
        at,
        get: (name) => fields.get(name)?.value ?? null,
        need: (name) => {
          const field = fields.get(name)?.value;
          if (field !== undefined) return field;
          const place = at.path === "" ? name : `${at.path}.${name}`;
          problem({ ...at, path: place }, "SH2", `the field \`${name}\` is missing`);
          return null;
        },
      };
    },
    list: (at, max) => {
      const node = resolve(at.node);
      if (!isSeq(node)) return wrong(at, "a list");
      if (node.items.length > max) {
        problem(at, "SH19", `the list has ${node.items.length} items, at most ${max} are read`);
      }
      return node.items.slice(0, max).map((item, index) => {
        const child = item as Node | null;
        return { path: `${at.path}[${index}]`, node: child, offset: offsetOf(child, at.offset) };
      });
    },
    text: (at) => {
      const value = scalar(at);
      return typeof value === "string" ? value : wrong(at, "a text");
    },
    integer: (at, rule, min, max) => {
      const value = scalar(at);
      if (typeof value !== "number" || !Number.isSafeInteger(value)) return wrong(at, "a whole number");
      if (value >= min && value <= max) return value;
      problem(at, rule, `${value} is out of range: ${min} to ${max}`);
      return undefined;
    },
    flag: (at) => {
      const value = scalar(at);
      return typeof value === "boolean" ? value : wrong(at, "true or false");
    },
    word: (at, rule, words) => {
      const value = scalar(at);
      const found = words.find((word) => word === value);
      if (found !== undefined) return found;
      if (typeof value !== "string") return wrong(at, `one of ${words.join(", ")}`);
      problem(at, rule, `\`${value}\` is not one of ${words.join(", ")}${didYouMean(value, words)}`);
      return undefined;
    },
    shape: (at) => {
      const node = resolve(at.node);
      return isSeq(node) ? "list" : isMap(node) ? "mapping" : "value";
    },
  };
}

function mapFields(at: Field, node: Node | null): Map<string, { key: Field; value: Field }> | undefined {
  if (!isMap(node)) return undefined;
  const fields = new Map<string, { key: Field; value: Field }>();
  for (const pair of node.items) {
    const keyNode = pair.key as Node | null;
    const name = isScalar(keyNode) ? String(keyNode.value) : describeNode(keyNode);
    const path = at.path === "" ? name : `${at.path}.${name}`;
    const keyOffset = offsetOf(keyNode, at.offset);
    const value = pair.value as Node | null;
    fields.set(name, {
      key: { path, node: keyNode, offset: keyOffset },
      value: { path, node: value, offset: offsetOf(value, keyOffset) },
    });
  }
  return fields;
}
