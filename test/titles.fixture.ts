import ts from "typescript";

// What a test file calls its tests, read from its text.

/** A title as it is written: the words that stand fast, in order, with something unknown between them. */
export type Title = readonly string[];

const callers = new Set(["test", "it", "describe"]);

/** `test`, `test.each(...)`, `describe.runIf(...)`: the name at the root of what is called. */
function rootOf(node: ts.Expression): string | undefined {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node)) return rootOf(node.expression);
  return undefined;
}

/** Placeholders of vitest's tables: `%s`, `%i`, `%#`, `$name`, `$name.part`. */
const placeholder = /%[sdifjoOc#$]|\$[A-Za-z_#][\w.]*/;

function titleOf(node: ts.Expression): Title | undefined {
  const split = (text: string) => text.split(placeholder);
  if (ts.isStringLiteralLike(node)) return split(node.text);
  if (!ts.isTemplateExpression(node)) return undefined;
  const parts = split(node.head.text);
  for (const { literal } of node.templateSpans) parts.push(...split(literal.text));
  return parts;
}

/** Every title of a test file's tests and groups; undefined stands for one that is made elsewhere. */
export function titlesOf(tree: ts.SourceFile): (Title | undefined)[] {
  const titles: (Title | undefined)[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && callers.has(rootOf(node.expression) ?? "")) {
      const [title, body] = node.arguments;
      if (title !== undefined && body !== undefined) titles.push(titleOf(title));
    }
    ts.forEachChild(node, look);
  };
  look(tree);
  return titles;
}

/** Every text that stands in a file, for titles that come from a table of cases. */
export function textsOf(tree: ts.SourceFile): Set<string> {
  const texts = new Set<string>();
  const look = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) texts.add(node.text);
    ts.forEachChild(node, look);
  };
  look(tree);
  return texts;
}

/** Whether a test of this name is among the titles: by its very words, or by the words that stand fast. */
export function isNamed(
  name: string,
  file: { readonly titles: readonly (Title | undefined)[]; readonly texts: ReadonlySet<string> },
): boolean {
  return file.titles.some((title) => {
    // A title without a word of its own says nothing: the name has to stand among the cases.
    if (title === undefined || title.join("").trim() === "") return file.texts.has(name);
    if (title.length === 1) return title[0] === name;
    const escaped = title.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${escaped.join(".+")}$`).test(name);
  });
}
