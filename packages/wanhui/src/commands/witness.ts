import { attend, type Heard, loadWitnessKey } from "@wanhui/tools";
import type { Command } from "../command.ts";

/** `wanhui witness`: hears a show's seals and signs those that came before their seed (docs/spec/proof.md WT1). */
export const command: Command = {
  usage: "witness <address of the show> --key FILE [--out FILE]",
  options: { key: { type: "string" }, out: { type: "string" } },
  positionals: { min: 1, max: 1 },
  help: [
    "Keep this running on a machine that is not the host's, with a clock that is right (NTP).",
    "  --key FILE   your Ed25519 key; made when missing. Its public part belongs into the show file, under witnesses",
    "  --out FILE   your own record of what you heard (heard.ndjson), for `wanhui verify --heard`",
    "Signs only what it worked out itself: the header's hash, the show's signature, and by this machine's clock that",
    "its seed is not due yet; never two headers of one window. Ends with Ctrl+C.",
  ].join("\n"),
  async run({ values, positionals, output }) {
    const [url = ""] = positionals;
    if (typeof values.key !== "string" || !URL.canParse(url)) {
      output.err(`usage: wanhui ${command.usage}`);
      return 2;
    }
    const key = await loadWitnessKey(values.key);
    const path = typeof values.out === "string" ? values.out : "heard.ndjson";
    output.err(`witness ${key.publicKey}, keeping ${path}`);
    const over = new AbortController();
    process.once("SIGINT", () => over.abort());
    process.once("SIGTERM", () => over.abort());
    const say = (heard: Heard | string) => output.out(lineOf(heard));
    await attend({ baseUrl: url, key, path, nowMs: Date.now, signal: over.signal, say });
    return 0;
  },
};

function lineOf(heard: Heard | string): string {
  const time = new Date().toISOString();
  if (typeof heard === "string") return `${time} ${heard}`;
  if (heard.kind === "kept") return `${time} ${heard.draw}: kept, not signed: ${heard.reason}`;
  const ahead = `signed ${heard.aheadMs} ms before its seed`;
  return `${time} ${heard.draw} window ${heard.window}: ${ahead}${heard.sent ? "" : ", NOT taken by the server"}`;
}
