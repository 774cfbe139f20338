import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { userKeyOf } from "@wanhui/client";
import { freePort } from "@wanhui/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestFolder, removeTestFolder } from "../../packages/server/src/platform/testing.ts";
import { type Night, playNight } from "./night.fixture.ts";
import { ServerProcess } from "./server-process.fixture.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Kills of a night; `npm run soak` asks for a hundred and gets as many nights as that takes. */
const killsPerNight = 10;
const databaseKillsPerNight = 3;
const kills = Number(process.env.WANHUI_SOAK_KILLS ?? killsPerNight);
const nights = Math.max(1, Math.ceil(kills / killsPerNight));
/** A night lasts as long as its rounds do, about 65 s; what is left is for starts on a busy machine. */
const nightMs = 240_000;

const say = (text: string) => void process.stdout.write(`  faults: ${text}\n`);

describe.each(Array.from({ length: nights }, (_, n) => n + 1))("night %i under kills", (number) => {
  let folder = "";
  let night: Night;
  let server: ServerProcess;

  beforeAll(async () => {
    if (number === 1) build();
    folder = await createTestFolder();
    server = new ServerProcess({ dataFolder: join(folder, "data"), port: await freePort() });
    await server.start();
    night = await playNight({
      server,
      kills: killsPerNight,
      databaseKills: databaseKillsPerNight,
      say: (text) => say(nights > 1 ? `night ${number}/${nights}, ${text}` : text),
    });
    say(`${night.heard.answers} answers heard, ${night.heard.wins.size} wins, ${server.starts} starts`);
  }, nightMs);

  afterAll(async () => {
    await server?.stop();
    await removeTestFolder(folder);
  }, 60_000);

  test("[FT1] there was something to lose: entries, grants and wins were acknowledged between the kills", () => {
    expect(night.kills).toBe(killsPerNight);
    expect(server.starts).toBe(killsPerNight + 1);
    // Everybody at least once, on however slow a machine.
    expect(night.heard.entries.size).toBeGreaterThan(40);
    expect(night.heard.grants.size).toBeGreaterThan(100);
    expect(night.heard.wins.size).toBeGreaterThan(10);
  });

  test("[FT1] every acknowledged entry is in its window, under the key that was acknowledged", async () => {
    const people = new Map([...night.viewers, night.everywhere].map((viewer) => [viewer.user, viewer]));
    const wrong: string[] = [];
    for (const [where, { user, draw, nonce, fixedKey }] of night.heard.entries) {
      const pseudonym = people.get(user)?.pseudonyms.get(draw) ?? "";
      const key = fixedKey ?? (await userKeyOf(pseudonym, nonce));
      if (night.tables.entries.get(where) !== key) wrong.push(`${where}: ${night.tables.entries.get(where)}`);
    }
    expect(wrong).toEqual([]);
  });

  test("[FT1] [M5] every acknowledged grab is in the tables with the award that was named", () => {
    const wrong: string[] = [];
    for (const [key, { user, pool, awardId }] of night.heard.grants) {
      const grab = night.tables.grabs.get(key);
      const award = night.tables.awards.get(awardId);
      if (grab?.awardId !== awardId || grab.pool !== pool) wrong.push(`${key}: not granted`);
      if (award?.user !== user || award.pool !== pool) wrong.push(`${key}: no such award`);
    }
    expect(wrong).toEqual([]);
  });

  test("[FT1] every win that was told is the teller's, in the draw and window that were told", () => {
    const wrong: string[] = [];
    for (const [awardId, told] of night.heard.wins) {
      const { user, pool, draw, window } = told;
      const award = night.tables.awards.get(awardId);
      if (JSON.stringify(award) !== JSON.stringify({ pool, user, draw, window })) wrong.push(awardId);
    }
    expect(wrong).toEqual([]);
  });

  test("[FT2] the same question got the same answer before and after every kill", () => {
    expect(night.heard.changed).toEqual([]);
  });

  test("[FT2] [M19] a wish whose answer was lost happened once or not at all", () => {
    const requests = [...night.tables.grabs.keys()];
    expect(requests.filter((key) => !night.heard.wishes.has(key))).toEqual([]);
    const awards = [...night.tables.grabs.values()].map(({ awardId }) => awardId);
    expect(new Set(awards).size).toBe(awards.length);
  });

  test("[FT3] no pool, window or person got more than the rules say", () => {
    expect(night.tables.pools.length).toBe(4);
    for (const { units, given, cap, mostByOne } of night.tables.pools) {
      expect(given).toBeLessThanOrEqual(units);
      if (cap !== null) expect(mostByOne).toBeLessThanOrEqual(cap);
    }
    for (const { units, winners, awards } of night.tables.windows) {
      expect(winners).toBe(awards);
      expect(awards).toBeLessThanOrEqual(units);
    }
    // The small pool was emptied, and not by one more (M1, M15).
    const scarce = night.tables.pools.find(({ pool }) => pool.endsWith("/scarce"));
    expect(scarce?.given).toBe(scarce?.units);
  });

  test("[FT4] every round ran to its close, its chain without a hole, its proof consistent", () => {
    expect(night.proofs.map(({ failure }) => failure)).toEqual([null, null]);
    expect(night.tables.chains.size).toBe(2);
    for (const chain of night.tables.chains.values()) {
      expect(chain.at(-1)?.kind).toBe("close");
      let next = 0;
      for (const { kind, from, to } of chain.slice(0, -1)) {
        expect(kind).toMatch(/^(seal|gap)$/);
        expect(from).toBe(next);
        next = to + 1;
      }
      expect(next).toBeGreaterThan(0);
    }
  });

  test("[FT5] the whole journal and the tables agree", () => {
    expect(night.audit).toMatchObject({ ok: true });
  });

  test("[FT6] a killed PostgreSQL is started again under the same server, and the night goes on", () => {
    expect(night.databaseKills).toEqual(
      Array.from({ length: databaseKillsPerNight }, () => ({ sameServer: true, newPostmaster: true })),
    );
  });

  test("[FT7] one person on twenty sockets has one entry per window, and so has everybody", () => {
    expect(night.tables.entryRows.length).toBe(night.tables.entries.size);
    const mine = [...night.heard.entries.values()].filter(({ user }) => user === night.everywhere.user);
    expect(mine.length).toBeGreaterThan(0);
    const rows = night.tables.entryRows.filter((key) => key.endsWith(night.everywhere.user));
    expect(rows.length).toBeGreaterThanOrEqual(mine.length);
    expect(rows.filter((key, at) => rows.indexOf(key) !== at)).toEqual([]);
  });
});

/** The process under test is the built one, as people start it. */
function build(): void {
  const built = spawnSync(process.execPath, [join(root, "scripts", "build.mjs")], { encoding: "utf8" });
  if (built.status !== 0) throw new Error(`The build failed:\n${built.stdout}${built.stderr}`);
}
