import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
// The writer of proofs for the checker's own tests; relative, because it is no part of a package's door.
import { randomPlan, receiptOf, tell, testBeacon } from "../../../verify/src/testing.ts";
import { runCommandLine } from "../command-line.ts";
import { commands } from "./mod.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-verify-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const beacon = testBeacon();
const plan = { ...randomPlan(3), gaps: [], stopDuring: null, undrawnFrom: null, draw: "test-1/told" };
const told = tell(plan, beacon);

async function fileOf(name: string, bytes: Buffer | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

async function run(...words: string[]) {
  const said = { out: "", err: "" };
  const code = await runCommandLine(["verify", ...words], commands, {
    out: (text) => {
      said.out += `${text}\n`;
    },
    err: (text) => {
      said.err += `${text}\n`;
    },
  });
  return { code, ...said };
}

test("[VF3] an honest file: both verdicts in words, exit code 0, and --json says the same", async () => {
  const path = await fileOf("good", told.file);
  const words = await run(path, "--stats");
  expect(words.code).toBe(0);
  expect(words.out).toContain("consistent yes");
  expect(words.out).toContain("sealed before the seed: not shown");
  expect(words.out).toContain("UNSAFE");
  expect(words.err).toMatch(/MiB/);
  const json = await run(path, "--json");
  expect(JSON.parse(json.out)).toMatchObject({
    accepted: true,
    level: "dev",
    counts: { winners: told.winners },
  });
});

test("[VF3] a changed file: REJECTED with line, field and rule, exit code 1", async () => {
  const lines = told.file.toString().split("\n");
  const changed = lines.map((line) => line.replace('"units":', '"units":1')).join("\n");
  const { code, out } = await run(await fileOf("bad", changed));
  expect(code).toBe(1);
  expect(out).toMatch(/REJECTED {3}line \d+, [\w.[\]]+ \((PF|DR|BY)\d+\): /);
});

test("[VF3] trouble reading ends with 2", async () => {
  expect((await run(join(folder, "none"))).code).toBe(2);
  const good = await fileOf("good", told.file);
  expect((await run(good, "--receipt", await fileOf("rubbish", "{\n"))).code).toBe(2);
  expect((await run(good, "--chain", await fileOf("chain", "{}"))).code).toBe(2);
});

test("[RC2][VF2] receipts, heard records and a chain of one's own come from files", async () => {
  const good = await fileOf("good", told.file);
  const [key = ""] = told.steps.find(({ kind }) => kind === "entries")?.body.keys ?? [];
  const window = told.steps.find(({ kind }) => kind === "entries")?.body.window;
  const receipt = receiptOf(plan.draw, [{ window, userKey: key }], 0);
  const found = await run(good, "--receipt", await fileOf("receipt", JSON.stringify(receipt)));
  expect(found).toMatchObject({
    code: 0,
    out: expect.stringContaining("found, the entry stands under the root"),
  });
  const lost = { window, userKey: "00".repeat(32) };
  const cheated = await run(
    good,
    "--receipt",
    await fileOf("lost", JSON.stringify(receiptOf(plan.draw, [lost], 0))),
  );
  expect(cheated).toMatchObject({ code: 1, out: expect.stringContaining("RC2") });
  const invalid = await run(
    good,
    "--receipt",
    await fileOf("invalid", JSON.stringify({ ...receipt, index: 1 })),
  );
  expect(invalid).toMatchObject({ code: 1, out: expect.stringContaining("not valid") });
  const heard = told.seals.map(({ header, signature }) =>
    JSON.stringify({ record: header, signature, heardAtMs: beacon.dueMs(header.round) - 1 }),
  );
  const info = {
    hash: beacon.chain.chainHash,
    public_key: beacon.chain.publicKey,
    schemeID: beacon.chain.scheme,
    genesis_time: beacon.chain.genesisMs / 1_000,
    period: 3,
  };
  const files = [
    "--heard",
    await fileOf("heard", `${heard.join("\n")}\n`),
    "--chain",
    await fileOf("info", JSON.stringify(info)),
  ];
  expect(await run(good, ...files)).toMatchObject({
    code: 0,
    out: expect.stringContaining("sealed before the seed: yes"),
  });
});
