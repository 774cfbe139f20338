import { expect, test } from "vitest";
import type { Command, CommandEntry } from "./command.ts";
import { runCommandLine } from "./command-line.ts";
import { commands } from "./commands/mod.ts";

async function call(argv: string[], table: readonly CommandEntry[] = commands) {
  const out: string[] = [];
  const err: string[] = [];
  const output = { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text) };
  const code = await runCommandLine(argv, table, output);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

function failing(error: Error): CommandEntry[] {
  const command: Command = {
    usage: "break",
    options: {},
    positionals: { min: 0, max: 0 },
    help: "",
    run: () => Promise.reject(error),
  };
  return [{ name: "break", summary: "", load: async () => ({ command }) }];
}

test("help lists every command with its summary", async () => {
  const { code, out } = await call(["--help"]);
  expect(code).toBe(0);
  for (const { name, summary } of commands) expect(out).toMatch(new RegExp(`${name} +${summary}`));
});

test("every command explains itself, and refuses flags and words it does not know", async () => {
  for (const { name } of commands) {
    const help = await call([name, "--help"]);
    expect(help).toMatchObject({ code: 0, out: expect.stringContaining(`usage: wanhui ${name}`) });
    const wrong = await call([name, "--no-such-flag"]);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain("usage: wanhui");
  }
});

test("an unknown command is refused with the nearest name", async () => {
  const { code, err } = await call(["docter"]);
  expect(code).toBe(2);
  expect(err).toContain("Did you mean `wanhui doctor`?");
  expect((await call(["xyzzy"])).err).not.toContain("Did you mean");
});

test("a fault prints its sentence alone, a bug its stack", async () => {
  const fault = Object.assign(new Error("The disk is full."), { name: "Fault" });
  expect(await call(["break"], failing(fault))).toMatchObject({ code: 1, err: "The disk is full." });
  const bug = await call(["break"], failing(new Error("units = -1")));
  expect(bug.err).toContain("command-line.test.ts");
});

test("config prints every setting once", async () => {
  const { code, out } = await call(["config"]);
  expect(code).toBe(0);
  for (const name of ["DATABASE_URL", "WANHUI_DATA", "PORT", "BEACON"]) expect(out).toContain(`\n${name} `);
});

test("a wrong setting reaches the user by name", async () => {
  const { code, err } = await call(["doctor", "--port", "ninety"]);
  expect(code).toBe(1);
  expect(err).toContain("--port: must be a whole number");
});
