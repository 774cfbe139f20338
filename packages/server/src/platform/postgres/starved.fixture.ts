// A process with a database that for a second can open nothing more (tests give it a low `ulimit -n`): says what it could
// tell of processes meanwhile, and what became of the database.
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode } from "../fault.ts";
import { silentLog } from "../log.ts";
import { isPostgresOf, lockDataFolder, processStartedAt, startEmbeddedPostgres } from "./mod.ts";

/** Several looks of the watch over the database. */
const starvedMs = 1_200;

const told = (question: Promise<unknown>) => question.then(String, (error: unknown) => errorCode(error));

function openAll(): { files: number[]; code: string | undefined } {
  const files: number[] = [];
  for (;;) {
    try {
      files.push(openSync("/dev/null", "r"));
    } catch (error) {
      return { files, code: errorCode(error) };
    }
  }
}

const folder = await lockDataFolder(process.argv[2] ?? "");
const postgres = await startEmbeddedPostgres({ folder, log: silentLog() });
const { pid, dataDirectory } = postgres;
const watched = { ended: false };
const running = postgres.run(new AbortController().signal).finally(() => {
  watched.ended = true;
});
running.catch(() => undefined);
const { files, code } = openAll();
const starved = {
  code,
  self: await told(processStartedAt(process.pid)),
  server: await told(isPostgresOf(pid, dataDirectory)),
};
await sleep(starvedMs);
for (const file of files) closeSync(file);
const fed = { server: await told(isPostgresOf(pid, dataDirectory)), ended: watched.ended };
await sleep(starvedMs);
const later = { sameServer: postgres.pid === pid, ended: watched.ended };
await postgres.stop();
await folder.release();
const gone = { server: await told(isPostgresOf(pid, dataDirectory)) };
process.stdout.write(JSON.stringify({ starved, fed, later, gone }));
