// A stand-in for the server process, to be killed by tests: starts the embedded PostgreSQL on the folder given,
// says how it came up, watches over it, and stays.
import { errorCode, errorMessage } from "../fault.ts";
import { silentLog } from "../log.ts";
import { lockDataFolder, startEmbeddedPostgres } from "./mod.ts";

try {
  const folder = await lockDataFolder(process.argv[2] ?? "");
  const allowNamespace = process.argv[3] !== "without-namespaces";
  const postgres = await startEmbeddedPostgres({ folder, log: silentLog(), allowNamespace });
  const { outcome, pid, port, url, launcherKind, dataDirectory } = postgres;
  const ended = new AbortController();
  void postgres.run(ended.signal);
  process.stdout.write(`${JSON.stringify({ outcome, pid, port, url, launcherKind, dataDirectory })}\n`);
  process.once("SIGTERM", async () => {
    ended.abort();
    await postgres.stop();
    await folder.release();
    process.exit(0);
  });
  setInterval(() => undefined, 1_000);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ code: errorCode(error), message: errorMessage(error) })}\n`);
  process.exit(1);
}
