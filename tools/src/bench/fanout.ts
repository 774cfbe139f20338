import type { DialectName } from "./load/dialects.ts";
import { type Load, startLoad } from "./load/load.ts";
import { fork, type OwnChild } from "./own-child.ts";
import type { BroadcastAnswer } from "./peers/broadcast-child.ts";
import { type BenchRow, peerRow } from "./rows.ts";

const ROUNDS = 5;
const VIEWERS = 500;
const MESSAGES_PER_SECOND = 100;
const SECONDS = 12;

type Side = { readonly dialect: DialectName; readonly server: OwnChild; readonly load: Load };

const guarantee =
  "all: every message reaches every viewer in order; ours may hold one back for up to a quarter of a second so that several leave as one frame, and lets who was away resume";

/** The same messages to the same number of viewers, by turns; what is compared is the server's processor time. */
export async function benchFanout(options: {
  readonly say: (text: string) => void;
  readonly rounds?: number;
}): Promise<BenchRow[]> {
  const { say, rounds = ROUNDS } = options;
  const sides: Side[] = [];
  const cpu = new Map<DialectName, number[]>();
  try {
    for (const dialect of ["wanhui", "socket.io", "ws"] as const) sides.push(await openSide(dialect));
    say(`fanout: ${VIEWERS} viewers sit before each of ${sides.length} servers`);
    // Round 0 warms up and is not counted.
    for (let round = 0; round <= rounds; round += 1) {
      const line: string[] = [];
      for (const side of sides) {
        const seconds = await play(side);
        line.push(`${side.dialect} ${seconds.toFixed(2)} s`);
        if (round > 0) cpu.set(side.dialect, [...(cpu.get(side.dialect) ?? []), seconds]);
      }
      say(`fanout ${round === 0 ? "warm-up" : `${round}/${rounds}`}: ${line.join(", ")} of a core`);
    }
  } finally {
    for (const { server, load } of sides) {
      await load.stop();
      await server.stop();
    }
  }
  // More is better in every row: messages delivered per second of the server's own processor time.
  const delivered = MESSAGES_PER_SECOND * SECONDS * VIEWERS;
  const perCore = (dialect: DialectName) => (cpu.get(dialect) ?? []).map((seconds) => delivered / seconds);
  return (["socket.io", "ws"] as const).map((peerName) =>
    peerRow({
      work: `${MESSAGES_PER_SECOND} messages/s to ${VIEWERS} viewers, deliveries per second of a core`,
      unit: "/s",
      peerName,
      guarantee,
      ours: perCore("wanhui"),
      peer: perCore(peerName),
    }),
  );
}

async function openSide(dialect: DialectName): Promise<Side> {
  const server = fork(new URL("./peers/broadcast-child", import.meta.url), [dialect]);
  const load = startLoad();
  const { port } = (await server.ask({ do: "where" })) as BroadcastAnswer;
  const opening = dialect === "wanhui" ? "bare" : dialect;
  await load.tell({ do: "open", dialect: opening, url: `http://127.0.0.1:${port}`, sockets: VIEWERS });
  return { dialect, server, load };
}

/** @returns the server's processor time, in seconds */
async function play({ dialect, server, load }: Side): Promise<number> {
  await load.tell({ do: "listen" });
  await load.tell({ do: "ping" });
  const before = await server.cpuSeconds();
  const { sent } = (await server.ask({
    do: "send",
    perSecond: MESSAGES_PER_SECOND,
    seconds: SECONDS,
  })) as BroadcastAnswer;
  const seconds = (await server.cpuSeconds()) - before;
  const { messages, fewest, lost } = await load.tell({ do: "heard" });
  if (fewest !== sent || messages !== sent * VIEWERS || lost !== 0)
    throw new Error(`${dialect}: ${messages} of ${sent * VIEWERS} messages came, ${lost} sockets were lost`);
  return seconds;
}
