import type { StudioAwardView } from "@wanhui/protocol";
import { type App, createApp } from "../http/mod.ts";
import { createLimits, createPeople, peopleRoutes, type StaffRole, secretFromHex } from "../people/mod.ts";
import { silentLog } from "../platform/mod.ts";
import { showRoutes } from "./show-routes.ts";
import type { StudioAwards } from "./studio-parts.ts";
import { studioRoutes } from "./studio-routes.ts";
import { Stage } from "./testing-stage.ts";

// The studio's routes over the real application, the real sign-in, and a whole night under a virtual clock.

const staff = new Map<string, StaffRole>([
  ["olga", "operator"],
  ["hugo", "host"],
  ["ada", "auditor"],
]);

/** A studio that is asked without a network. */
export type TestStudio = {
  readonly stage: Stage;
  /** What awards were asked for, in order. */
  readonly asked: (Parameters<StudioAwards["list"]>[0] | Parameters<StudioAwards["forfeit"]>[0])[];
  /** How often the whole show was made. */
  readonly views: () => number;
  /** Asks as a staff member (olga operates, hugo hosts, ada audits), as a guest (null), or as nobody. */
  // biome-ignore lint/suspicious/noExplicitAny: assertions read fields of many shapes
  ask(method: "GET" | "POST", url: string, who?: string | null, body?: unknown): Promise<any>;
  close(): Promise<void>;
};

/** An award as it is listed in these tests. */
export const listedAward: StudioAwardView = {
  awardId: "aa".repeat(16),
  pool: "small-1/kettle",
  title: { zh: "水壶", en: "Kettle" },
  draw: "small-1/round-1",
  window: 0,
  winner: "bb".repeat(16),
  wonAtMs: 1,
  state: "held",
  claimByMs: 2,
  reason: null,
  actions: ["extend", "forfeit"],
};

/** Starts the night and mounts the routes. */
export async function openStudio(): Promise<TestStudio> {
  const stage = new Stage();
  await stage.boot();
  const { nowMs } = stage.clock;
  const unused = () => Promise.reject(new Error("not in this test"));
  const people = createPeople({
    secret: secretFromHex("7a".repeat(32), "test"),
    nowMs,
    staff: {
      roleOf: async (name) => staff.get(name) ?? null,
      createLink: unused,
      useLink: unused,
      revoke: unused,
      list: unused,
    },
    limits: createLimits({ nowMs }),
    platform: null,
    rehearsalRun: () => null,
    drawIds: () => [],
  });
  const app = await createApp({ log: silentLog(), version: "test" });
  peopleRoutes(app, { people, secure: false });
  const asked: TestStudio["asked"] = [];
  let views = 0;
  const onView = () => {
    views += 1;
  };
  mount(app, { stage, asked, onView });
  await app.ready();
  const tokenOf = (who: string | null) => {
    const role = staff.get(who ?? "");
    if (role === undefined) return people.signUser(people.guest("ab".repeat(16), null));
    return people.signStaff(who ?? "", ["viewer", role]).token;
  };
  return {
    stage,
    asked,
    views: () => views,
    async ask(method, url, who, body) {
      const headers = who === undefined ? {} : { authorization: `Bearer ${tokenOf(who)}` };
      const payload = body === undefined ? {} : { payload: body as object };
      const answer = await app.inject({ method, url, headers, ...payload });
      return { status: answer.statusCode, body: answer.json(), headers: answer.headers };
    },
    async close() {
      stage.kill();
      await app.close();
    },
  };
}

function mount(app: App, parts: { stage: Stage; asked: TestStudio["asked"]; onView: () => void }): void {
  const { stage, asked } = parts;
  const { nowMs } = stage.clock;
  const view = () => {
    parts.onView();
    return stage.board.view({ stream: "s", offset: 4, nowMs: nowMs(), viewers: 2 });
  };
  showRoutes(app, { view, nowMs });
  studioRoutes(app, {
    director: stage.director,
    board: stage.board,
    view,
    nowMs,
    health: () => ({ ok: true, parts: [{ name: "engine", ok: true, reason: null }] }),
    numbers: () => ({ viewers: 2, orders: 1, paid: 1, journalAppendMs: 3, materialiserLagBatches: 0 }),
    awards: {
      list: async (ask) => {
        asked.push(ask);
        return { awards: [listedAward], next: `1-${listedAward.awardId}` };
      },
      find: async (awardId) => (awardId === listedAward.awardId ? listedAward : null),
      forfeit: async (input) => {
        asked.push(input);
        return { ok: false, code: "award.wrong_state" };
      },
      extend: async ({ awardId, claimByMs }) => {
        const answer = await stage.submit({ type: "award.extend", awardId, claimByMs });
        if (!answer.ok) return { ok: false, code: answer.code };
        throw new Error("a view is another capability's: see test/studio-acts.pg.test.ts");
      },
    },
    changePool: async (change) => {
      const answer = await stage.submit({ type: "pool.change", ...change });
      return answer.ok ? { ok: true } : answer;
    },
  });
}
