import { createEngine, type Engine } from "@wanhui/server";
import { MemoryJournal, type StatementKind } from "./memory-journal.ts";
import { Night, sha256 } from "./night.ts";
import type { SeededRandom } from "./random.ts";
import { simChain } from "./sim-beacon.ts";
import { inItsTime, mortal, type Process } from "./sim-process.ts";
import { fairWeather, fateOf } from "./trouble.ts";

/** Two shards let one be busy while the other recovers. */
const SHARDS = 2;

/**
 * A night of one process at a time, each of which owns every shard: it crashes, loses touch and goes on as a zombie beside
 * the next one, its last statements arrive late.
 */
export class AloneNight extends Night {
  #generation = 0;

  /** The process that serves in the end. */
  engines(): Engine[] {
    const found = this.processes.filter((process) => process.ready).at(-1);
    if (found === undefined) throw new Error("Nobody serves");
    return [found.engine];
  }

  protected open(): void {
    this.#boot();
  }

  protected reachable(random: SeededRandom): Process | undefined {
    const ready = this.processes.filter((process) => process.alive && process.ready);
    // Mostly the newest; sometimes somebody still talks to a zombie.
    return random.chance(0.8) ? ready.at(-1) : ready[0];
  }

  protected mayBeLost(): boolean {
    return false;
  }

  protected keepsAnswers(): boolean {
    return true;
  }

  protected drawsHere(): boolean {
    return true;
  }

  #boot(): Process {
    const { world } = this;
    const random = this.faults.fork();
    this.#generation += 1;
    const name = `p${this.#generation}`;
    const skew = this.weather.skewMsMax;
    const process: Process = {
      name,
      alive: true,
      ready: false,
      skewMs: skew === 0 ? 0 : random.between(-skew, skew),
      journal: new MemoryJournal(this.disk, {
        sleep: (ms) => world.sleep(ms),
        fate: (kind) => this.#fate(kind, random, process),
      }),
      get engine(): Engine {
        return engine;
      },
    };
    const engine: Engine = createEngine({
      store: mortal(process, process.journal, world),
      clock: world.clock(() => process.skewMs),
      scheduler: world.scheduler(inItsTime(process, world)),
      sha256,
      holder: name,
      shards: SHARDS,
      log: {
        info: (_, message) => this.say(`${name} ${message}`),
        warn: (fields, message) => this.say(`${name} ${message} ${String(fields.err ?? "")}`),
        error: (fields, message) => {
          this.say(`${name} ${message} ${String(fields.err ?? "")}`);
          if (message.includes("stops:") || message.includes("stays down")) this.broken.push(message);
          if (message.includes("took the shard over")) this.#fenced(process);
        },
      },
    });
    engine.onDurable((batch) => this.durable(process, batch));
    engine.sawBeacon(this.newestRound, simChain.chainHash);
    this.processes.push(process);
    void this.#start(process);
    return process;
  }

  async #start(process: Process): Promise<void> {
    try {
      await process.engine.start();
      process.ready = true;
      this.say(`${process.name} serves`);
    } catch (error) {
      // A real process ends when it cannot start, and its keeper starts another.
      this.say(`${process.name} cannot start: ${String(error)}`);
      this.kill(process);
      this.#boot();
    }
  }

  /** The newest process, or the one that serves, was fenced off by a statement of a dead one that came late: it ends, its keeper starts another. */
  #fenced(process: Process): void {
    const serving = this.processes.filter((one) => one.ready).at(-1);
    if (process !== this.processes.at(-1) && process !== serving) return;
    this.count("fenced by the dead");
    this.kill(process);
    this.world.after(100, () => void this.#boot());
  }

  #fate(kind: StatementKind, random: SeededRandom, process: Process) {
    const fate = fateOf(random, this.weather);
    this.countLoss(kind, fate);
    // Crashes fall into the middle of statements, where they hurt, not only between them.
    if (random.chance(this.weather.crashChance)) {
      this.world.after(fate.requestMs + random.below(fate.commitMs + fate.responseMs + 2), () =>
        this.#crash(process),
      );
    }
    return fate;
  }

  #crash(process: Process): void {
    if (!process.alive || this.over) return;
    const newest = this.processes.at(-1);
    if (newest !== process) {
      this.kill(process);
      return;
    }
    if (process.ready && this.sealedWindows(process.engine) > 0) this.count("crash between seal and draw");
    if (this.faults.chance(this.weather.zombieChance)) {
      this.say(`${process.name} loses touch and goes on`);
      this.count("zombie");
    } else {
      this.say(`${process.name} crashes`);
      this.count("crash");
      this.kill(process);
    }
    this.world.after(this.faults.below(1_500), () => {
      // In the calm one process is there already.
      if (this.weather !== fairWeather) this.#boot();
    });
  }

  protected trouble(): void {
    const next = () => {
      if (this.weather.crashChance > 0) {
        const process = this.processes.at(-1);
        if (process !== undefined) this.#crash(process);
      }
      this.world.after(4_000 + this.faults.below(25_000), next);
    };
    this.world.after(this.faults.below(20_000), next);
  }

  /** One process is left. */
  protected calm(): void {
    for (const process of [...this.processes]) this.kill(process);
    this.#boot();
  }

  protected ended(): boolean {
    const process = this.processes.findLast((one) => one.ready);
    if (process === undefined) return false;
    const { shards } = process.engine.status();
    return (
      shards.every(({ shard }) => process.engine.state(shard).liveDraws.size === 0) &&
      process.engine.status().pending === 0
    );
  }
}
