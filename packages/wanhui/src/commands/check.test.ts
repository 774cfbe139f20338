import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../command-line.ts";
import { commands } from "./mod.ts";

const example = fileURLToPath(new URL("../../../../examples/spring-gala/show.yaml", import.meta.url));
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-check-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function check(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const output = { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text) };
  const code = await runCommandLine(["check", ...argv], commands, output);
  return { code, out, err: err.join("\n") };
}

test("the example passes, and is shown with rundown, units and odds", async () => {
  const { code, out } = await check(example);
  expect(code).toBe(0);
  expect(out[0]).toBe("春满万家联欢晚会 / Spring in Every Home");
  expect(out.at(-1)).toBe("OK");
  expect(out.filter((line) => / round +round-\d: /.test(line))).toHaveLength(7);
  expect(out.join("\n")).toContain("2000 of gala-coupon, first come, first served, 1m");
});

test("[M21] [SH11] [SH12] every error stands with file, line, column, field and rule, and the command fails", async () => {
  const good = (await readFile(example, "utf8")).replaceAll(/^ *picture: .*\n/gmu, "");
  const path = join(folder, "show.yaml");
  const bad = good
    .replace("schedule: { windows: 8, units: 120 }", "schedule: []")
    .replace("schedule: { windows: 5, unitsPerWindow: 12 }", "schedule: { windows: 5, unitsPerWindow: 13 }");
  await writeFile(path, bad);
  const { code, out, err } = await check(path);
  expect(code).toBe(1);
  expect(out).toHaveLength(2);
  const lineOf = (text: string) => bad.split("\n").findIndex((line) => line.includes(text)) + 1;
  const fieldOf = /rundown\[\d+\]\.schedule/.source;
  expect(out[0]).toMatch(
    new RegExp(
      `^${path}:${lineOf("schedule: []")}:15 ${fieldOf} \\[SH11\\] a round needs at least one window`,
    ),
  );
  expect(out[1]).toMatch(
    new RegExp(
      `^${path}:${lineOf("unitsPerWindow: 13")}:15 ${fieldOf} \\[SH12\\] round-5: schedule promises 65 units, pool down-jacket has 60$`,
    ),
  );
  expect(err).toBe("2 errors");
});

test("a file that is not there is a sentence, not a stack", async () => {
  const { code, err } = await check(join(folder, "none.yaml"));
  expect(code).toBe(1);
  expect(err).toMatch(/^The show file .* cannot be read/);
});

test("as JSON for other tools", async () => {
  const { code, out } = await check(example, "--json");
  expect(code).toBe(0);
  expect(JSON.parse(out.join("\n"))).toMatchObject({
    ok: true,
    notes: [],
    show: { show: "spring-gala", version: "wanhui/show/1" },
  });
});
