import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { CODES } from "../packages/protocol/src/codes.ts";
import { isNamed, textsOf, titlesOf } from "./titles.fixture.ts";

// The house rules a compiler does not know. Each failure names the file, the line and the rule.

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const warnFunctionLines = 70;
const failFunctionLines = 100;
const warnFileLines = 500;
const failFileLines = 700;

/** Which of our packages each one may import; `types` marks those of which only types may be used. */
const arrows: Record<string, { may: string[]; types?: string[] }> = {
  "packages/core": { may: [] },
  "packages/protocol": { may: ["@wanhui/core"], types: ["@wanhui/core"] },
  "packages/client": { may: ["@wanhui/protocol"] },
  "packages/verify": { may: [] },
  "packages/server": { may: ["@wanhui/core", "@wanhui/protocol"] },
  tools: { may: ["@wanhui/core", "@wanhui/protocol", "@wanhui/client", "@wanhui/verify", "@wanhui/server"] },
  "packages/wanhui": { may: ["@wanhui/server", "@wanhui/verify", "@wanhui/tools"] },
  "apps/web": { may: ["@wanhui/client", "@wanhui/protocol", "@wanhui/verify"] },
};

type Source = { name: string; text: string; tree: ts.SourceFile };
type Import = { specifier: string; typeOnly: boolean; line: number };

const skipped = new Set(["node_modules", "dist", ".git", ".wanhui", "coverage", ".cache"]);

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const name = posix.join(folder, entry.name);
    if (skipped.has(entry.name)) continue;
    if (entry.isDirectory()) yield* filesBelow(name);
    else if (entry.isFile()) yield name;
  }
}

const allFiles = [...filesBelow(".")].sort();
const isTest = (name: string) =>
  /\.(test|fixture)\.tsx?$/.test(name) || name.startsWith("test/") || name.includes("/testing/");
const isTestFile = (name: string) => /\.test\.tsx?$/.test(name);

function parse(name: string): Source {
  const text = readFileSync(join(root, name), "utf8");
  return { name, text, tree: ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true) };
}

const sources = allFiles.filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts")).map(parse);
const shipped = sources.filter(({ name }) => !isTest(name));

function lineOf(source: Source, node: ts.Node): number {
  return source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line + 1;
}

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

/** Whether nothing of an import or export is left at run time. */
function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) {
    const named = node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : [];
    return node.isTypeOnly || (named.length > 0 && named.every((element) => element.isTypeOnly));
  }
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const bindings = clause.namedBindings;
  const named = bindings && ts.isNamedImports(bindings) ? bindings.elements : [];
  return clause.name === undefined && named.length > 0 && named.every((element) => element.isTypeOnly);
}

function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  visit(source.tree, (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      if (!ts.isStringLiteral(node.moduleSpecifier)) return;
      const typeOnly = isTypeOnly(node);
      found.push({ specifier: node.moduleSpecifier.text, typeOnly, line: lineOf(source, node) });
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument === undefined || !ts.isStringLiteral(argument)) return;
      found.push({ specifier: argument.text, typeOnly: false, line: lineOf(source, node) });
    }
  });
  return found;
}

function packageOf(name: string): string | undefined {
  return Object.keys(arrows).find((folder) => name.startsWith(`${folder}/`));
}

/** `@wanhui/protocol/schemas` -> `@wanhui/protocol`; undefined for what is not ours. */
function ownPackage(specifier: string): string | undefined {
  if (specifier === "wanhui" || specifier.startsWith("wanhui/")) return "wanhui";
  return /^@wanhui\/[^/]+/.exec(specifier)?.[0];
}

describe("packages", () => {
  test("import only what the picture of the packages allows", () => {
    const wrong: string[] = [];
    for (const source of shipped) {
      const folder = packageOf(source.name);
      const arrow = folder === undefined ? undefined : arrows[folder];
      if (folder === undefined || arrow === undefined) continue;
      for (const { specifier, typeOnly, line } of importsOf(source)) {
        const at = `${source.name}:${line} imports ${specifier}`;
        const own = ownPackage(specifier);
        if (own !== undefined && !arrow.may.includes(own)) wrong.push(at);
        if (own !== undefined && arrow.types?.includes(own) && !typeOnly) wrong.push(`${at}, not as a type`);
        const leaves =
          specifier.startsWith(".") && !posix.join(dirname(source.name), specifier).startsWith(folder);
        if (leaves) wrong.push(`${at}, outside its package`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("declare only what they may import", () => {
    const wrong: string[] = [];
    for (const [folder, { may }] of Object.entries(arrows)) {
      const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as {
        dependencies?: Record<string, string>;
      };
      for (const name of Object.keys(manifest.dependencies ?? {})) {
        if (ownPackage(name) !== undefined && !may.includes(name)) wrong.push(`${folder} depends on ${name}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("folders of the server", () => {
  const base = "packages/server/src";

  test("use each other only through their doors", () => {
    const wrong: string[] = [];
    for (const source of sources.filter(({ name }) => name.startsWith(`${base}/`))) {
      const from = dirname(source.name);
      for (const { specifier, line } of importsOf(source)) {
        if (!specifier.startsWith(".")) continue;
        const target = posix.join(from, specifier);
        const folder = dirname(target);
        const inSight = from === folder || from.startsWith(`${folder}/`);
        const doors =
          isTest(source.name) || from === `${base}/platform` ? ["mod.ts", "testing.ts"] : ["mod.ts"];
        const atRoot = folder === base && from !== base;
        if (atRoot || !(inSight || doors.includes(posix.basename(target)))) {
          wrong.push(`${source.name}:${line} imports ${specifier} past the door`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("have a door each", () => {
    const folders = readdirSync(join(root, base), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    const without = folders.filter(({ name }) => !existsSync(join(root, base, name, "mod.ts")));
    expect(without.map(({ name }) => name)).toEqual([]);
  });
});

describe("the core", () => {
  const forbidden = new Set(
    (
      "Date Promise setTimeout setInterval setImmediate queueMicrotask fetch process performance crypto " +
      "TextEncoder TextDecoder Buffer console globalThis structuredClone Worker"
    ).split(" "),
  );
  const core = shipped.filter(({ name }) => name.startsWith("packages/core/src/"));

  /** A use of a global, not a property or a member that happens to have its name. */
  function isGlobalUse(node: ts.Identifier): boolean {
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
    const isName = "name" in parent && parent.name === node;
    return !(isName || ts.isPropertyAssignment(parent) || ts.isQualifiedName(parent));
  }

  test("is pure: no clock, randomness, promises, timers, network or globals of a host", () => {
    const wrong: string[] = [];
    for (const source of core) {
      visit(source.tree, (node) => {
        const at = () => `${source.name}:${lineOf(source, node)}`;
        if (ts.isIdentifier(node) && forbidden.has(node.text) && isGlobalUse(node))
          wrong.push(`${at()} ${node.text}`);
        if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node))
          wrong.push(`${at()} async`);
        if (ts.isPropertyAccessExpression(node) && node.getText(source.tree) === "Math.random") {
          wrong.push(`${at()} Math.random`);
        }
      });
      for (const { specifier, line } of importsOf(source)) {
        if (!specifier.startsWith(".")) wrong.push(`${source.name}:${line} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("docs/spec", () => {
  const folder = join(root, "docs/spec");
  const specs = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".md")) : [];
  const tests = sources.filter(({ name }) => isTestFile(name));

  test("every numbered rule is named by a test", () => {
    const named = new Set(
      tests
        .flatMap(withContracts)
        .flatMap(({ text }) => [...text.matchAll(/\[([A-Z]+\d+)\]/g)].map((hit) => hit[1])),
    );
    const untested: string[] = [];
    for (const spec of specs) {
      const text = readFileSync(join(folder, spec), "utf8");
      for (const [, rule] of text.matchAll(/\*\*([A-Z]+\d+)\*\*/g)) {
        if (!named.has(rule)) untested.push(`${spec} ${rule}`);
      }
    }
    expect(untested).toEqual([]);
  });

  test("no rule number is given twice", () => {
    const rules = specs.flatMap((spec) =>
      [...readFileSync(join(folder, spec), "utf8").matchAll(/^(?:[-*] )?\*\*([A-Z]+\d+)\*\*/gm)].map(
        (hit) => hit[1],
      ),
    );
    expect(rules.filter((rule, index) => rules.indexOf(rule) !== index)).toEqual([]);
  });

  /** A test file as its reader finds it: with the cases of the contracts it runs. */
  function withContracts(source: Source): Source[] {
    const near = importsOf(source).flatMap(({ specifier }) =>
      specifier.startsWith(".") ? [posix.join(dirname(source.name), specifier)] : [],
    );
    return [source, ...sources.filter(({ name }) => near.includes(name) && /contract/.test(name))];
  }

  test("every mutant in the table names tests that exist, in files that exist", () => {
    const lines = readFileSync(join(folder, "mutants.md"), "utf8").split("\n");
    const isHead = (index: number) => /^\|[\s:|-]+\|?$/.test(lines[index + 1] ?? "");
    const rows = lines.filter(
      (line, index) => line.startsWith("|") && !/^\|[\s:|-]+\|?$/.test(line) && !isHead(index),
    );
    const wrong = rows.flatMap((row) => {
      const [, , , where = "", what = ""] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
      const files = [...where.matchAll(/[\w./-]+\.test\.tsx?/g)].map(([file]) => file);
      const names = [...what.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
      const found = tests.filter(({ name }) => files.some((file) => `/${name}`.endsWith(`/${file}`)));
      if (files.length === 0 || found.length !== files.length || names.length === 0) return [row];
      const parts = found
        .flatMap(withContracts)
        .map(({ tree }) => ({ titles: titlesOf(tree), texts: textsOf(tree) }));
      const named = {
        titles: parts.flatMap(({ titles }) => titles),
        texts: new Set(parts.flatMap(({ texts }) => [...texts])),
      };
      return names.filter((name) => !isNamed(name, named)).map((name) => `${where}: ${name}`);
    });
    expect(rows).not.toEqual([]);
    expect(wrong).toEqual([]);
  });
});

describe("the table of codes", () => {
  /** Known to pages, emitted by no server yet: one plays one show, so that there is no address at which it could say so. */
  const notYet = new Set(["show.unknown"]);

  /** Whether a text is written down to leave: not as a type, not in a list for the documentation, not to compare with. */
  function leaves(node: ts.Node): boolean {
    const { parent } = node;
    if (ts.isTypeNode(parent)) return false;
    if (ts.isCallExpression(parent) && parent.expression.getText() === "problemResponses") return false;
    return !(ts.isBinaryExpression(parent) && /^[!=]==$/.test(parent.operatorToken.getText()));
  }

  test("holds no code that nobody emits", () => {
    const emitted = new Set<string>();
    const emitting = shipped.filter(
      ({ name }) => /^packages\/(server|core)\/src\//.test(name) && !/testing/.test(name),
    );
    for (const { tree } of emitting) {
      visit(tree, (node) => {
        if (ts.isStringLiteral(node) && Object.hasOwn(CODES, node.text) && leaves(node))
          emitted.add(node.text);
      });
    }
    expect(Object.keys(CODES).filter((code) => !emitted.has(code) && !notYet.has(code))).toEqual([]);
  });
});

/** Lines of a function; a literal object it returns is data (a catalogue of words) and counts as one. */
function linesOfFunction(source: Source, node: ts.FunctionLikeDeclaration): number {
  const span = (part: ts.Node) =>
    source.tree.getLineAndCharacterOfPosition(part.getEnd()).line - lineOf(source, part) + 2;
  let lines = span(node);
  const subtract = (value: ts.Expression | undefined) => {
    const literal = value && ts.isParenthesizedExpression(value) ? value.expression : value;
    if (literal && ts.isObjectLiteralExpression(literal)) lines -= span(literal) - 1;
  };
  if (node.body && !ts.isBlock(node.body)) subtract(node.body);
  else
    for (const statement of node.body?.statements ?? []) {
      if (ts.isReturnStatement(statement)) subtract(statement.expression);
    }
  return lines;
}

describe("sizes", () => {
  test("functions stay within a screen or two", () => {
    const long: string[] = [];
    const tooLong: string[] = [];
    for (const source of shipped) {
      visit(source.tree, (node) => {
        if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return;
        const lines = linesOfFunction(source, node);
        const at = `${source.name}:${lineOf(source, node)} has ${lines} lines`;
        if (lines > failFunctionLines) tooLong.push(at);
        else if (lines > warnFunctionLines) long.push(at);
      });
    }
    if (long.length > 0) console.warn(`Functions past ${warnFunctionLines} lines:\n${long.join("\n")}`);
    expect(tooLong).toEqual([]);
  });

  test("files stay readable in one sitting", () => {
    const code = allFiles.filter((name) => /\.(tsx?|mjs|js|css|sql)$/.test(name));
    const sized = code.map((name) => ({
      name,
      lines: readFileSync(join(root, name), "utf8").split("\n").length,
    }));
    const list = (over: number) =>
      sized.filter(({ lines }) => lines > over).map(({ name, lines }) => `${name} has ${lines} lines`);
    if (list(warnFileLines).length > 0)
      console.warn(`Files past ${warnFileLines}:\n${list(warnFileLines).join("\n")}`);
    expect(list(failFileLines)).toEqual([]);
  });
});

describe("every source file", () => {
  test("keeps no state in the module and exports no default", () => {
    const wrong: string[] = [];
    for (const source of shipped) {
      const isToolConfig = /(^|\/)(vite|vitest)\.config\.ts$/.test(source.name);
      for (const statement of source.tree.statements) {
        const at = `${source.name}:${lineOf(source, statement)}`;
        if (ts.isVariableStatement(statement) && !(statement.declarationList.flags & ts.NodeFlags.Const)) {
          wrong.push(`${at} let or var at module level`);
        }
        const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
        const isDefault = modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword);
        if ((isDefault || ts.isExportAssignment(statement)) && !isToolConfig)
          wrong.push(`${at} default export`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("the repository", () => {
  test("knows no path of anybody's machine", () => {
    const machinePath = /(^|[\s"'`(=:])\/(work|home\/[a-z]\w*|Users\/[a-z]\w*)\//m;
    const isText = (name: string) => /(\.(tsx?|m?js|json|md|ya?ml|css|html|sql|sh)|\/run)$/.test(name);
    const wrong = allFiles
      .filter(isText)
      .filter((name) => machinePath.test(readFileSync(join(root, name), "utf8")));
    expect(wrong).toEqual([]);
  });

  test("locks packages by the public registry's addresses only", () => {
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, { resolved?: string; link?: boolean }>;
    };
    const elsewhere = Object.entries(lock.packages)
      .filter(([, { resolved, link }]) => resolved !== undefined && link !== true && !isPublic(resolved))
      .map(([name, { resolved }]) => `${relative(".", name)}: ${resolved}`);
    expect(elsewhere).toEqual([]);
  });

  function isPublic(address: string): boolean {
    return address.startsWith("https://registry.npmjs.org/");
  }
});
