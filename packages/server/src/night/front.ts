import type { RainView, RoundView } from "@wanhui/protocol";
import { type BotCheck, type CheckTimes, createBotCheck } from "../bot-check/mod.ts";
import type { Engine } from "../engine/mod.ts";
import {
  createEntrants,
  createLimits,
  createPeople,
  createPlatformTokens,
  createStaffStore,
  type People,
} from "../people/mod.ts";
import {
  createGateway,
  createIntake,
  createRoom,
  type Gateway,
  type Intake,
  memoryBytesOfProcess,
  type Room,
  realClock,
  type ShowPort,
  socketsMaxOf,
  textFrame,
} from "../rooms/mod.ts";
import { drawIds, type Run } from "../shows/mod.ts";
import type { Boards } from "./boards.ts";
import type { Ground } from "./ground.ts";
import type { HouseCounts } from "./house-counts.ts";

/** Where people come in: sign-in, the room, taps and takes. */
export type Front = {
  readonly people: People;
  readonly room: Room;
  readonly show: ShowPort;
  readonly intake: Intake;
  readonly botCheck: BotCheck;
  readonly gateway: Gateway;
};

/** Makes the room of a run; nothing is told in it yet. */
export function makeRoom(ground: Pick<Ground, "clock">): Room {
  return createRoom({ clock: realClock(() => Math.floor(ground.clock.nowMs())), frame: textFrame });
}

/** Puts sign-in, room and engine together. */
export function makeFront(parts: {
  readonly ground: Ground;
  readonly engine: Engine;
  readonly boards: Boards;
  readonly run: Run;
  readonly room: Room;
  readonly counts: HouseCounts;
}): Front {
  const { ground, engine, boards, run, room, counts } = parts;
  const { clock, config, log } = ground;
  const nowMs = () => Math.floor(clock.nowMs());
  const limits = createLimits({ nowMs });
  const draws = drawIds(run);
  const people = createPeople({
    secret: ground.secret,
    nowMs,
    staff: createStaffStore({ pool: ground.database.pool, nowMs }),
    limits,
    platform:
      config.jwtIssuer !== undefined && config.jwtJwksUrl !== undefined && config.jwtAudience !== undefined
        ? createPlatformTokens(
            { issuer: config.jwtIssuer, audience: config.jwtAudience, jwksUrl: config.jwtJwksUrl },
            nowMs,
          )
        : null,
    rehearsalRun: () => (run.rehearsal ? run.run : null),
    drawIds: () => draws,
  });
  const indexes = new Map<string, number>(draws.map((draw, index) => [draw, index]));
  const show: ShowPort = {
    admit: (entry) => boards.current.admit(entry),
    openWindow: (drawIndex) => boards.current.openWindow(drawIndex, nowMs()),
    admitTake: (take) => boards.current.admitTake(take),
    drawIndexOf: (draw) => indexes.get(draw) ?? null,
  };
  const botCheck = createBotCheck({
    secret: ground.secret,
    nowMs,
    random: Math.random,
    timesOf: (what) => checkTimes(boards.current.opening(what, nowMs())),
  });
  const intake = createIntake({
    botCheck,
    entrants: createEntrants(),
    engine: {
      enter: engine.enter.bind(engine),
      take: engine.take.bind(engine),
      addTaps(draw, count) {
        engine.addTaps(draw, count);
        counts.addTaps(draw, count);
      },
    },
    show,
    limits,
    pseudonyms: people.pseudonyms,
  });
  const gateway = createGateway({
    room,
    intake,
    people,
    limits,
    origins: ground.origins,
    clock: realClock(nowMs),
    log: log.child({ part: "gateway" }),
    random: Math.random,
    socketsMax: config.socketsMax ?? socketsMaxOf(memoryBytesOfProcess()),
  });
  room.setCounts(() => boards.current.counts(counts.viewers()));
  return { people, room, show, intake, botCheck, gateway };
}

/** Phases before the close, in which there is something to be checked for. */
const CHECKED = new Set<string>(["planned", "held", "armed", "open"]);

/** When something that asks for a bot check opens and closes; null where it asks for none, or is over. */
function checkTimes(opening: RoundView | RainView | null): CheckTimes | null {
  return opening?.botCheck && CHECKED.has(opening.phase) ? opening : null;
}
