/**
 * Names the first place where two plain JSON values differ, for people: `pools[2].units is 60, was 40`.
 *
 * @returns the sentence, or `nothing` when they are equal
 */
export function firstDifference(was: unknown, is: unknown, path = ""): string {
  if (was === is) return "nothing";
  if (!isObject(was) || !isObject(is) || Array.isArray(was) !== Array.isArray(is)) {
    return `${path === "" ? "the file" : path} is ${short(is)}, was ${short(was)}`;
  }
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  for (const name of names) {
    const place = Array.isArray(was) ? `${path}[${name}]` : path === "" ? name : `${path}.${name}`;
    const difference = firstDifference(was[name], is[name], place);
    if (difference !== "nothing") return difference;
  }
  return "nothing";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function short(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
