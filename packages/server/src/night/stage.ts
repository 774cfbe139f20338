import { type Beacons, createClockWatch } from "../beacons/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { Service } from "../platform/mod.ts";
import type { Room } from "../rooms/mod.ts";
import {
  createCueStore,
  createDirector,
  createDrawer,
  type Director,
  type Run,
  showClock,
} from "../shows/mod.ts";
import type { Boards } from "./boards.ts";
import type { ExpectedBeacon } from "./expected-beacon.ts";
import type { Ground } from "./ground.ts";

/** Who moves the night: the director by the rundown, the drawer by the beacons, on a clock that is watched. */
export type Stage = { readonly director: Director; readonly drawer: Service; readonly clockWatch: Service };

/** Makes them; the director's `start` makes pools and draws. */
export function makeStage(parts: {
  readonly ground: Ground;
  readonly engine: Engine;
  readonly boards: Boards;
  readonly run: Run;
  readonly room: Pick<Room, "publish">;
  readonly beacons: Beacons;
  readonly expectedBeacon: ExpectedBeacon;
}): Stage {
  const { ground, engine, boards, run, room, beacons } = parts;
  const clock = showClock(() => Math.floor(ground.clock.nowMs()));
  const director = createDirector({
    run,
    board: boards.current,
    store: createCueStore(ground.database.pool, run.run),
    engine,
    clock,
    chooseBeacon: parts.expectedBeacon.choose,
    publish: (messages) => room.publish(messages),
    log: ground.log.child({ part: "director" }),
  });
  const drawer = createDrawer({
    board: boards,
    engine,
    clock,
    fetchBeacon: (chain, round, signal) => beacons.round(chain, round, signal),
    log: ground.log,
  });
  const clockWatch = createClockWatch({
    beacons,
    engine,
    needed: () => boards.current.liveChains().has(beacons.publicChain.chainHash),
    log: ground.log,
  });
  return { director, drawer, clockWatch };
}
