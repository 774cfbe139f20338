import { type Beacons, createClockWatch } from "../beacons/mod.ts";
import { type Cluster, tellBeacons } from "../cluster/mod.ts";
import type { Engine } from "../engine/mod.ts";
import type { Service } from "../platform/mod.ts";
import type { Room } from "../rooms/mod.ts";
import {
  type CueDefinition,
  createCueStore,
  createDirector,
  createDrawer,
  type Director,
  poolIdOf,
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
  readonly cluster: Cluster;
  readonly boards: Boards;
  readonly run: Run;
  readonly room: Pick<Room, "publish">;
  readonly beacons: Beacons;
  readonly expectedBeacon: ExpectedBeacon;
}): Stage {
  const { ground, engine, cluster, boards, run, room, beacons } = parts;
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
    house: {
      moves: (cue) => movesHere(cue, run, cluster),
      isShared: () => cluster.others().length > 0,
      changed: () => cluster.tell({ t: "cues" }),
    },
  });
  cluster.onTold((_, message) => {
    if (message.t === "cues") director.lookAgain();
  });
  const sawBeacon = tellBeacons(cluster, engine);
  const told = { submit: engine.submit.bind(engine), sawBeacon };
  const drawer = createDrawer({
    board: {
      sealedUndrawn: () => boards.sealedUndrawn().filter(({ draw }) => engine.isMine({ draw })),
      watch: boards.watch,
    },
    engine: told,
    clock,
    fetchBeacon: (chain, round, signal) => beacons.round(chain, round, signal),
    log: ground.log,
  });
  const clockWatch = createClockWatch({
    beacons,
    engine: told,
    needed: () => boards.current.liveChains().has(beacons.publicChain.chainHash),
    log: ground.log,
  });
  return { director, drawer, clockWatch };
}

/** MP15: what a pool's shard is asked is asked by its owner, so that a process without a bus goes on with its own. */
function movesHere(cue: CueDefinition, run: Run, cluster: Cluster): boolean {
  const pool = cue.kind === "round" || cue.kind === "rain" ? cue.pool : null;
  return pool === null ? cluster.leads() : cluster.isMine({ pool: poolIdOf(run.run, pool) });
}
