// Lets a test start a TypeScript file as a process of its own, from source, so that it can be killed:
// node --conditions wanhui-source --import ./test/run-typescript.mjs file.ts
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

// Loaders live in a thread of their own: this file is the one that registers and, over there, the loader itself.
if (isMainThread) register(import.meta.url);

export async function load(url, context, nextLoad) {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return nextLoad(url, context);
  const { default: ts } = await import("typescript");
  const source = await readFile(fileURLToPath(url), "utf8");
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    inlineSourceMap: true,
    verbatimModuleSyntax: true,
  };
  const { outputText } = ts.transpileModule(source, { compilerOptions, fileName: fileURLToPath(url) });
  return { format: "module", source: outputText, shortCircuit: true };
}
