import type { NetworkInterfaceInfo } from "node:os";
import { type Night, runEndsAtMs } from "@wanhui/server";

/** What the greeting is made of. */
export type WelcomeFacts = {
  readonly night: Pick<Night, "run" | "url" | "operatorUrl" | "continued">;
  /** The settings people's addresses follow from: what is listened on, and the address of a proxy in front. */
  readonly config: { readonly host: string; readonly publicUrl?: string | undefined };
  /** `os.networkInterfaces()`. */
  readonly interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
  readonly nowMs: number;
};

/** What a terminal shows when a night is up; `qrUrl` is for phones to photograph, null where none could reach it. */
export type Welcome = { readonly lines: readonly string[]; readonly qrUrl: string | null };

/** Makes the greeting; every address in it works from where it is for. */
export function welcomeOf(facts: WelcomeFacts): Welcome {
  const { night, config } = facts;
  const { run, url, operatorUrl } = night;
  const others = otherUrls(facts);
  const isHere = config.publicUrl === undefined && isLoopback(config.host);
  const lines = [
    "",
    `  ${run.definition.title.zh} · ${run.definition.title.en}   (${whichRun(facts)})`,
    ...endedLines(facts),
    "",
    `  Main venue        ${url}/`,
    ...others.map((other) => `                    ${other}/`),
    `  Check a proof     ${url}/verify`,
    `  Interface         ${url}/docs`,
    `  Operator link     ${operatorUrl}   (works once)`,
    "",
  ];
  const isSecure = url.startsWith("https:");
  if (isHere)
    lines.push(`  Only this machine gets in (HOST is ${config.host}): start without HOST to let phones in.`);
  else if (!isSecure)
    lines.push("  Phones give their motion sensors to secure pages only: add --tls to shake.");
  return { lines, qrUrl: isSecure && !isHere ? `${others[0] ?? url}/` : null };
}

function whichRun({ night }: WelcomeFacts): string {
  const { run, continued } = night;
  const kind = run.rehearsal ? "rehearsal" : "run";
  return `${kind} ${run.run}, ${continued ? `continued, began ${timeOf(run.startedAtMs)}` : "new"}`;
}

/** A night that is over is served as it ended; whoever wanted a new one has to be told how. */
function endedLines({ night: { run }, nowMs }: WelcomeFacts): string[] {
  const endsAtMs = runEndsAtMs(run);
  if (nowMs < endsAtMs) return [];
  // A show that names its own start begins there again, however fresh its run.
  const ownStart = run.definition.startsAtMs !== null && !run.rehearsal;
  return [
    "",
    `  This show ended ${timeOf(endsAtMs)}; its results and claims stay open.`,
    ownStart
      ? "  Its file names its own start: give the file another one to play it again."
      : `  To begin a new one, start with --fresh: npm start -- ${run.rehearsal ? "--rehearsal " : ""}--fresh`,
  ];
}

/** How other machines of the network reach a server that listens everywhere; none when it does not, or a proxy names the address. */
function otherUrls({ night, config, interfaces }: WelcomeFacts): string[] {
  if (config.publicUrl !== undefined || !["0.0.0.0", "::"].includes(config.host)) return [];
  const { protocol, port } = new URL(night.url);
  const end = port === "" ? "" : `:${port}`;
  return Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => `${protocol}//${address}${end}`);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function timeOf(atMs: number): string {
  return new Date(atMs).toLocaleString();
}
