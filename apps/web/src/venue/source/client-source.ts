// The room through the SDK, in the page's words.

import { connect, type RoomClient } from "@wanhui/client";
import type { AwardView, CtlMessage, MeMessage, ShowView } from "@wanhui/protocol";
import { ask } from "../../shared/http.ts";
import { withOrder } from "../model/awards.ts";
import type { HandOver } from "./hand-over.ts";
import { solveInWorker } from "./solve-in-worker.ts";
import type { VenueEvent, VenueSource } from "./source.ts";

/** Connects to our own server, as whom the host platform says; nothing happens before `start`. */
export function clientSource(handOver: HandOver): VenueSource {
  let client: RoomClient | null = null;
  let listener: (event: VenueEvent) => void = () => undefined;
  let awards: readonly AwardView[] = [];
  let everLive = false;
  let unknown = false;
  let reads = 0;
  const token = () => client?.session?.token ?? null;
  const hear = (event: VenueEvent) => listener(event);
  const putAwards = (next: readonly AwardView[]) => {
    awards = next;
    hear({ type: "awards", awards });
  };

  const refreshAwards = async () => {
    reads += 1;
    const read = reads;
    const before = idsOf(awards);
    hear({ type: "reading", read });
    const answer = await ask<{ awards: readonly AwardView[] }>("/api/me/awards", { token: token() });
    if (!answer.ok) {
      hear({ type: "read", read, awards: null });
      return;
    }
    const said = idsOf(answer.value.awards);
    // A win told while the answer was on its way may be missing in it.
    const told = awards.filter(({ awardId }) => !before.has(awardId) && !said.has(awardId));
    awards = [...told, ...answer.value.awards];
    hear({ type: "read", read, awards });
  };

  const fetchShow = async (): Promise<ShowView> => {
    const answer = await ask<ShowView>("/api/show");
    if (answer.ok) return answer.value;
    unknown = answer.problem.code === "show.unknown";
    throw new Error(answer.problem.code);
  };

  const onMe = (message: MeMessage) => {
    if (message.t === "order") {
      putAwards(withOrder(awards, message.order));
      return;
    }
    // A newer server may tell more on this lane than this page knows.
    if (message.t !== "won" && message.t !== "award") return;
    const fresh = message.t === "won" && !awards.some((each) => each.awardId === message.award.awardId);
    awards = [message.award, ...awards.filter((each) => each.awardId !== message.award.awardId)];
    hear({ type: "award", award: message.award, fresh });
  };

  const onStatus = (room: RoomClient) => {
    const { status } = room;
    const live = status.state === "online" || status.state === "polling";
    everLive ||= live;
    if (room.show === null && status.state === "offline") {
      hear({ type: "boot", boot: unknown ? "unknown" : "unreachable", retryAtMs: status.retryAtMs });
    }
    hear({ type: "link", link: live ? "live" : everLive ? "lost" : "connecting" });
  };

  return {
    start: (heard) => {
      listener = heard;
      const room = connect({
        baseUrl: location.origin,
        fetchShow,
        bearer: handOver.embedded,
        platformToken: handOver.token,
        ...solveInWorker,
      });
      client = room;
      handOver.onToken((given) => room.signIn(given));
      room.on("session", ({ level }) => hear({ type: "level", level }));
      room.on("status", () => onStatus(room));
      room.on("show", (show) => hear({ type: "show", show }));
      room.on("ctl", (message) => onCtl(message, room.winsToldFirst, hear));
      room.on("me", onMe);
      room.on("stale", () => void refreshAwards());
      room.on("refused", ({ draw, code, taps }) => hear({ type: "refused", draw, code, taps }));
      room.on("check", (check) => hear({ type: "check", check }));
      room.on("heard", (heard) => hear({ type: "heard", ...heard }));
      room.on("window", ({ draw, window, fate }) => {
        if (fate === "received") hear({ type: "received", draw, window });
      });
    },
    stop: () => client?.stop(),
    wake: () => client?.wake(),
    nowMs: () => client?.serverNowMs() ?? Date.now(),
    tap: (draw) => {
      const state = client?.status.state;
      if (client === null || (state !== "online" && state !== "polling")) return false;
      return client.tap(draw);
    },
    take: async (pool, request) => {
      if (client === null) return { ok: false, code: "network.no_answer", retryMs: null, place: null };
      return client.take(pool, request);
    },
    refreshAwards,
    token,
    heard: () => client?.heard() ?? "",
  };
}

function idsOf(awards: readonly AwardView[]): ReadonlySet<string> {
  return new Set(awards.map(({ awardId }) => awardId));
}

function onCtl(message: CtlMessage, winsToldFirst: boolean, hear: (event: VenueEvent) => void): void {
  if (message.t === "seal") {
    const { draw, window, resultAtMs } = message;
    hear({ type: "seal", draw, window, resultAtMs });
  } else if (message.t === "drawn") {
    const { draw, window, entries, units, winners, resultAtMs } = message;
    hear({ type: "drawn", draw, window, entries, units, winners, resultAtMs, winsToldFirst });
  } else if (message.t === "chain") {
    const gap = message.record as { version?: unknown; fromWindow?: unknown; toWindow?: unknown };
    if (gap.version !== "wanhui/gap/1") return;
    hear({
      type: "gap",
      draw: message.draw,
      fromWindow: Number(gap.fromWindow),
      toWindow: Number(gap.toWindow),
    });
  }
}
