import { writeFile } from "node:fs/promises";
import { type BenchName, benches, cellsOf, longBenches, runBench, tableHead } from "@wanhui/tools";
import type { Command } from "../command.ts";
import { columns } from "../command-line.ts";

const names = Object.keys(benches) as BenchName[];

/** `wanhui bench`: how fast this machine does it, beside others where there is something to be beside. */
export const command: Command = {
  usage: `bench [${names.join("] [")}] [--json FILE]`,
  options: { json: { type: "string" } },
  positionals: { min: 0, max: names.length },
  help: [
    "Measures on this machine, which should have nothing else to do; takes some forty minutes. docs/performance.md says",
    "how to read the table.",
    "  grabs     durable grabs beside Redis, PostgreSQL and the usual recipe of ws, ioredis and Lua (needs redis-server)",
    "  curve     the same end to end with 1 to 4,096 clients",
    "  taps      taps and entries through a real server, per core",
    "  fanout    the same messages to 500 viewers beside Socket.IO and ws",
    "  idle      memory of a viewer who only watches",
    "  start     second start of a server to its first page, and the opening second of a round",
    "  takeover  kill -9 of one of two processes to the first win at the other (needs nats-server)",
    "  verify    a proof of a million entries through the checker",
    "  scale     processor time for each viewer and for each tap, of 500 and of 5,000 viewers; a quarter of an hour",
    "  crowd     memory through half an hour of a synthetic audience; only when asked for",
    "  --json FILE   the rows and the machine as JSON",
    "Ends with 0 also when a row falls short of its bound: the table says so. With 1 when something could not be measured;",
    "the rest is measured all the same.",
  ].join("\n"),
  async run({ values, positionals, output }) {
    const wanted = names.filter((name) =>
      positionals.length === 0 ? !longBenches.includes(name) : positionals.includes(name),
    );
    const unknown = positionals.find((word) => !(names as string[]).includes(word));
    if (unknown !== undefined) {
      output.err(`There is nothing to measure called ${unknown}. Known: ${names.join(", ")}.`);
      return 2;
    }
    const program = process.argv[1] ?? "";
    const result = await runBench({ names: wanted, say: (text) => output.err(text), program });
    const { cores, cpu, memoryGiB, platform, node } = result.machine;
    output.out(`${result.date}, ${cores} cores ${cpu}, ${memoryGiB} GiB, ${platform}, Node ${node}`);
    output.out(columns([tableHead, ...result.rows.map(cellsOf)]));
    if (typeof values.json === "string")
      await writeFile(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
    for (const { name, reason } of result.failed) output.err(`Not measured: ${name}. ${reason}`);
    return result.failed.length === 0 ? 0 : 1;
  },
};
