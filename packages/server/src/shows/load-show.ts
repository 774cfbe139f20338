import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorMessage, Fault } from "../platform/mod.ts";
import { SHOW_LIMITS, type ShowDefinition, type ShowProblem } from "./definition.ts";
import { type ParsedShow, parseShow } from "./parse-show.ts";

/** SH10. A picture on a phone's first screen; anything larger was meant for print. */
const PICTURE_BYTES_MAX = 2 * 1_048_576;

/**
 * Reads a show file from disk and looks for its pictures [SH10]; everything else is `parseShow`.
 *
 * @throws Fault `show.unreadable` when the file cannot be read at all
 */
export async function loadShow(path: string): Promise<ParsedShow> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new Fault("show.unreadable", `The show file ${path} cannot be read: ${errorMessage(cause)}`, {
      cause,
    });
  });
  if (found.size > SHOW_LIMITS.fileBytesMax) {
    const message = `the file is larger than ${SHOW_LIMITS.fileBytesMax} bytes`;
    return { ok: false, problems: [{ line: 1, column: 1, field: "", rule: "SH1", message }] };
  }
  const bytes = await readFile(path);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const problem = { line: 1, column: 1, field: "", rule: "SH1", message: "the file is not UTF-8" };
    return { ok: false, problems: [problem] };
  }
  const parsed = parseShow(text);
  if (!parsed.ok) return parsed;
  const missing = await missingPictures(parsed.show, dirname(path), text);
  return missing.length === 0 ? parsed : { ok: false, problems: missing };
}

async function missingPictures(show: ShowDefinition, folder: string, text: string): Promise<ShowProblem[]> {
  const wanted: [field: string, picture: string | null][] = [
    ["picture", show.picture],
    ...show.pools.map(({ picture }, index): [string, string | null] => [`pools[${index}].picture`, picture]),
  ];
  const problems: ShowProblem[] = [];
  for (const [field, picture] of wanted) {
    if (picture === null) continue;
    const found = await stat(join(folder, picture)).catch(() => undefined);
    const why =
      found?.isFile() !== true
        ? `there is no file ${picture} beside the show file`
        : found.size > PICTURE_BYTES_MAX
          ? `${picture} is larger than ${PICTURE_BYTES_MAX} bytes`
          : undefined;
    if (why === undefined) continue;
    problems.push({ ...placeOf(text, picture, field), field, rule: "SH10", message: why });
  }
  return problems;
}

/** Where a picture is named; pictures are plain paths, so their text stands in the file as it is. */
function placeOf(text: string, picture: string, field: string): { line: number; column: number } {
  const lines = text.split("\n");
  const isFirst = field === "picture";
  const index = lines.findIndex(
    (line) => line.includes("picture") && line.includes(picture) && (!isFirst || !/^\s/u.test(line)),
  );
  const line = Math.max(index, 0);
  return { line: line + 1, column: Math.max(lines[line]?.indexOf(picture) ?? 0, 0) + 1 };
}
