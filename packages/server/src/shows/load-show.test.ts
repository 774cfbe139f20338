import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadShow } from "./load-show.ts";
import { formatProblem, summaryOf } from "./show-summary.ts";
import { baseShow } from "./testing.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "wanhui-show-"));
  await mkdir(join(folder, "pictures"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const withPicture = baseShow.replace("units: 100", "units: 100\n    picture: pictures/pot.svg");

test("[SH10] a picture that is not there is named with its line", async () => {
  const path = join(folder, "show.yaml");
  await writeFile(path, withPicture);
  const parsed = await loadShow(path);
  if (parsed.ok) throw new Error("no picture, and fine?");
  const [problem] = parsed.problems;
  expect(problem).toMatchObject({ rule: "SH10", field: "pools[0].picture", line: 19, column: 14 });
  if (problem !== undefined) {
    expect(formatProblem("show.yaml", problem)).toBe(
      "show.yaml:19:14 pools[0].picture [SH10] there is no file pictures/pot.svg beside the show file",
    );
  }
  await writeFile(join(folder, "pictures", "pot.svg"), "<svg/>");
  expect(await loadShow(path)).toMatchObject({ ok: true });
});

test("[SH1] a file that is not there is a fault, one that is not UTF-8 a problem", async () => {
  await expect(loadShow(join(folder, "none.yaml"))).rejects.toMatchObject({ code: "show.unreadable" });
  const path = join(folder, "latin.yaml");
  await writeFile(path, Buffer.from([0x73, 0x68, 0x6f, 0x77, 0x3a, 0x20, 0xff]));
  expect(await loadShow(path)).toMatchObject({ ok: false, problems: [{ rule: "SH1" }] });
});

test("[SH10] the spring gala has all its pictures, and reads as a night", async () => {
  const parsed = await loadShow(
    fileURLToPath(new URL("../../../../examples/spring-gala/show.yaml", import.meta.url)),
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const text = summaryOf(parsed.show).join("\n");
  expect(text).toContain("7 rounds give out 885 units");
  expect(text).toContain("120 of tea-set in 8 windows over 24s (15 each, at best 1 in 67)");
  expect(text).toContain("leftovers to round-6");
  expect(text).toContain("worth CN¥299.00, for CN¥0.01");
});
