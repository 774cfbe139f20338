import { type ClientSocket, connect, type RoomClient, type SocketConstructor } from "@wanhui/client";
import type { ShowView } from "@wanhui/protocol";
import { WebSocket } from "ws";
import { type Guest, signInGuests } from "./guests.ts";

/** Viewers with the SDK pages use, who all tap the moment a round opens on their own synchronised clock. */
export type Viewer = {
  readonly client: RoomClient;
  /** When the tap's frame was written, and when its acknowledgement was read; by this machine's clock. */
  tappedAtMs: number;
  ackedAtMs: number;
};

/** What a round's start looked like. */
export type StartAnswer = {
  readonly viewers: number;
  /** From the announced instant to the tap that the client let through. */
  readonly openP50Ms: number;
  readonly openP99Ms: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly unanswered: number;
};

const ONLINE_WITHIN_MS = 30_000;
const ANSWERED_WITHIN_MS = 5_000;
/** Clients that come in at the same time. */
const AT_ONCE = 50;

const ACK = Buffer.from('{"t":"ack"');

function socketOf(guest: Guest, viewer: { tappedAtMs: number; ackedAtMs: number }): SocketConstructor {
  class Watched extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol, { perMessageDeflate: false, localAddress: guest.from });
      this.on("message", (data) => {
        if (Buffer.isBuffer(data) && data.subarray(0, ACK.length).equals(ACK)) viewer.ackedAtMs = now();
      });
    }
    override send(data: string | Uint8Array<ArrayBuffer>): void {
      if (typeof data !== "string") viewer.tappedAtMs = now();
      super.send(data);
    }
  }
  return Watched as unknown as new (
    url: string,
    protocol: string,
  ) => ClientSocket;
}

const now = () => performance.timeOrigin + performance.now();

/** Signs in, connects, and waits until everybody is greeted and has measured the server's clock. */
export async function openAudience(url: string, count: number): Promise<Viewer[]> {
  const guests = await signInGuests(new URL(url), count);
  const show = (await (await fetch(`${url}/api/show`)).json()) as ShowView;
  const viewers: Viewer[] = [];
  for (let from = 0; from < guests.length; from += AT_ONCE) {
    const coming = guests.slice(from, from + AT_ONCE).map((guest) => {
      const times = { tappedAtMs: 0, ackedAtMs: 0 };
      const client = connect({
        baseUrl: url,
        WebSocket: socketOf(guest, times),
        storage: null,
        fetchTicket: async () => ({ ticket: guest.ticket }),
        fetchShow: async () => structuredClone(show),
      });
      viewers.push(Object.assign(times, { client }));
      return online(client);
    });
    await Promise.all(coming);
  }
  return viewers;
}

function online(client: RoomClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("A viewer did not come in")), ONLINE_WITHIN_MS);
    client.on("status", ({ state }) => {
      if (state !== "online") return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Everybody waits for the opening of a round and taps. */
export async function playStart(viewers: readonly Viewer[], draw: string): Promise<StartAnswer> {
  const opensAtMs = viewers[0]?.client.show?.rounds.find((round) => round.draw === draw)?.opensAtMs;
  if (opensAtMs === undefined) throw new Error("There is no such round");
  await Promise.all(
    viewers.map(
      (viewer) =>
        new Promise<void>((resolve) => {
          viewer.tappedAtMs = 0;
          viewer.ackedAtMs = 0;
          const look = () => {
            if (viewer.client.tap(draw)) resolve();
            else setTimeout(look, Math.max(1, opensAtMs - viewer.client.serverNowMs()));
          };
          look();
        }),
    ),
  );
  const until = now() + ANSWERED_WITHIN_MS;
  while (viewers.some(({ ackedAtMs }) => ackedAtMs === 0) && now() < until)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const answered = viewers.filter(({ ackedAtMs }) => ackedAtMs > 0);
  const opened = sorted(viewers.map(({ tappedAtMs }) => tappedAtMs - opensAtMs));
  const acked = sorted(answered.map(({ tappedAtMs, ackedAtMs }) => ackedAtMs - tappedAtMs));
  return {
    viewers: viewers.length,
    openP50Ms: at(opened, 0.5),
    openP99Ms: at(opened, 0.99),
    ackP50Ms: at(acked, 0.5),
    ackP99Ms: at(acked, 0.99),
    unanswered: viewers.length - answered.length,
  };
}

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
const at = (values: readonly number[], share: number) =>
  values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;
