// TEMPORARY direct source until the SDK is there.
import {
  type AwardView,
  type CtlMessage,
  encodeTaps,
  type MeMessage,
  PROTOCOL_VERSION,
  type ServerMessage,
  type ShowView,
  type SocketTicketView,
  WS_SUBPROTOCOL,
} from "@wanhui/protocol";
import { ask } from "../../shared/http.ts";
import { withOrder } from "../model/awards.ts";
import type { Boot, VenueEvent, VenueSource } from "./source.ts";

export function clientSource(): VenueSource {
  let show: ShowView | null = null;
  let awards: readonly AwardView[] = [];
  let offset = 0;
  let socket: WebSocket | null = null;
  let skew = 0;
  let frame = 0;
  let hear: (event: VenueEvent) => void = () => undefined;
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const drawOf = (index: number) => show?.rounds.find((round) => round.index === index)?.draw ?? "";
  const ctl = (message: CtlMessage) => {
    if (show === null) return;
    const put = <T>(list: readonly T[], same: (item: T) => boolean, item: T) =>
      list.map((each) => (same(each) ? item : each));
    if (message.t === "round")
      show = { ...show, rounds: put(show.rounds, (r) => r.draw === message.round.draw, message.round) };
    if (message.t === "cue")
      show = { ...show, cues: put(show.cues, (c) => c.cue === message.cue.cue, message.cue) };
    if (message.t === "rain")
      show = { ...show, rains: put(show.rains, (c) => c.slug === message.rain.slug, message.rain) };
    if (message.t === "seal")
      hear({
        type: "seal",
        seal: {
          draw: message.draw,
          window: message.window,
          header: message.header,
          hash: message.hash,
          signature: message.signature,
          heardAtMs: Date.now() + skew,
        },
        resultAtMs: message.resultAtMs,
      });
    if (message.t === "drawn") hear({ type: "drawn", ...message });
  };
  const me = (message: MeMessage) => {
    if (message.t === "won" || message.t === "award")
      hear({ type: "award", award: message.award, fresh: message.t === "won" });
    else {
      awards = withOrder(awards, message.order);
      void refreshAwards();
    }
  };
  const refreshAwards = async () => {
    const answer = await ask<{ awards: AwardView[] }>("/api/me/awards");
    if (answer.ok) {
      awards = answer.value.awards;
      hear({ type: "awards", awards });
    }
  };
  const onMessage = (message: ServerMessage) => {
    switch (message.t) {
      case "hello":
        skew = message.at - Date.now();
        hear({ type: "link", link: "live" });
        return;
      case "f":
        offset = message.o;
        for (const each of message.ctl ?? []) ctl(each);
        if (message.cnt !== undefined && show !== null) show = { ...show, counts: message.cnt };
        if (show !== null) hear({ type: "show", show });
        return;
      case "me":
        for (const each of message.m) me(each);
        return;
      case "ack":
        return hear({ type: "received", draw: drawOf(message.d), window: message.w });
      case "got":
        return hear({ type: "got", request: message.r, awardId: message.awardId });
      case "no":
        return hear({
          type: "refused",
          draw: message.d === undefined ? null : drawOf(message.d),
          request: message.r ?? null,
          code: message.code,
          place: message.place ?? null,
        });
      default:
        return;
    }
  };
  const connect = async () => {
    const ticket = await ask<SocketTicketView>("/api/socket-ticket", { method: "POST" });
    if (!ticket.ok) {
      setTimeout(connect, 1000);
      return;
    }
    socket = new WebSocket(
      `${location.origin.replace("http", "ws")}/ws?ticket=${ticket.value.ticket}`,
      WS_SUBPROTOCOL,
    );
    socket.onopen = () => {
      frame = 0;
      socket?.send(
        JSON.stringify({
          t: "hello",
          v: PROTOCOL_VERSION,
          resume: show === null ? undefined : { stream: show.stream, offset },
        }),
      );
    };
    socket.onmessage = (event) => onMessage(JSON.parse(event.data) as ServerMessage);
    socket.onclose = () => {
      hear({ type: "link", link: "lost" });
      setTimeout(connect, 1000);
    };
  };
  return {
    start: async (listener): Promise<Boot> => {
      hear = listener;
      const session = await ask("/api/session", { method: "POST" });
      if (!session.ok) return "unreachable";
      const answer = await ask<ShowView>("/api/show");
      if (!answer.ok) return answer.problem.code === "show.unknown" ? "unknown" : "unreachable";
      show = answer.value;
      offset = show.offset;
      skew = show.nowMs - Date.now();
      hear({ type: "show", show });
      await refreshAwards();
      void connect();
      return "ready";
    },
    stop: () => socket?.close(),
    nowMs: () => Date.now() + skew,
    tap: (draw) => {
      const round = show?.rounds.find((each) => each.draw === draw);
      if (socket?.readyState !== 1 || round === undefined) return false;
      frame += 1;
      socket.send(
        encodeTaps({ drawIndex: round.index, frameNumber: frame, taps: 1, nonce }) as Uint8Array<ArrayBuffer>,
      );
      return true;
    },
    take: (pool, request) => {
      if (socket?.readyState !== 1) return false;
      socket.send(JSON.stringify({ t: "take", pool, r: request }));
      return true;
    },
    refreshAwards,
  };
}
