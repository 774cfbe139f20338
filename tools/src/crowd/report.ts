import type { CrowdProgress, CrowdReport } from "./crowd.ts";
import type { Percentiles } from "./latency.ts";

const BARS = "▁▂▃▄▅▆▇█";
/** Characters of a curve; a terminal has 80 at least. */
const CURVE_WIDTH = 60;

function curve(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  const width = Math.min(CURVE_WIDTH, values.length);
  return Array.from({ length: width }, (_, at) => {
    const from = Math.floor((at * values.length) / width);
    const to = Math.max(from + 1, Math.floor(((at + 1) * values.length) / width));
    const top = Math.max(...values.slice(from, to));
    return BARS[Math.min(BARS.length - 1, Math.round((top / most) * (BARS.length - 1)))];
  }).join("");
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

function latencyLine({ count, p50Ms, p90Ms, p99Ms, maxMs }: Percentiles): string {
  return `p50 ${ms(p50Ms)} ms, p90 ${ms(p90Ms)} ms, p99 ${ms(p99Ms)} ms, most ${ms(maxMs)} ms (${count} answers)`;
}

function counts(map: Readonly<Record<string, number>>): string {
  const entries = Object.entries(map).sort((a, b) => b[1] - a[1]);
  return entries.length === 0 ? "none" : entries.map(([name, count]) => `${name} ${count}`).join(", ");
}

/** One line for a terminal: how far the rehearsal is and how it goes. */
export function progressLine(progress: CrowdProgress): string {
  const { phase, sinceMs, totalMs, online, wanted, acks, wins, paid, recent } = progress;
  const done = Math.min(1, sinceMs / totalMs);
  const bar = `${"█".repeat(Math.round(done * 20))}${"░".repeat(20 - Math.round(done * 20))}`;
  const what = `${online}/${wanted} here, ${acks} acks, ${wins} wins, ${paid} paid`;
  return `${bar} ${Math.round(sinceMs / 1_000)} s ${phase}: ${what}, p99 ${ms(recent.p99Ms)} ms`;
}

/** The report for people. */
export function reportText(report: CrowdReport): string {
  const online = report.curve.map((point) => point.online);
  const p99 = report.curve.map(({ latency }) => latency.p99Ms);
  const lines = [
    `Rehearsal ${report.run}: ${report.viewers} viewers (${counts(report.kinds)}), ${report.seconds} s, seed ${report.seed}`,
    "",
    `viewers   ${curve(online)}  at most ${Math.max(0, ...online)}`,
    `p99       ${curve(p99)}  at most ${ms(Math.max(0, ...p99))} ms`,
    `frame to acknowledgement: ${latencyLine(report.latency)}`,
    `of which this machine's crowd was itself late: p99 ${ms(report.ownDelayP99Ms)} ms`,
    `totals:   ${counts(report.totals)}`,
    `refused:  ${counts(report.refusals)}`,
    `cheats:   ${report.cheats.tried} tries, refused: ${counts(report.cheats.refusals)}`,
    `closes:   ${counts(report.closes)}`,
    "",
    ...report.findings.map(
      ({ ok, name, rule, detail }) => `${ok ? "ok    " : "BROKEN"} ${name} [${rule}]: ${detail}`,
    ),
    "",
    report.ok
      ? "OK everything that must hold held."
      : report.findings.every(({ ok }) => ok)
        ? "NOT COMPARED: there was no database to ask."
        : "BROKEN: see above.",
  ];
  return lines.join("\n");
}
