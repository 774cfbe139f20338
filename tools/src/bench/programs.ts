import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where servers stand that an ordinary user's PATH does not name: Debian's, and Homebrew's. */
const MORE_FOLDERS = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"];

/**
 * Path of a program a measurement needs beside our own.
 *
 * @param variable of the environment that names another place for it
 * @throws Error that says how to install it
 */
export function findServer(name: "redis-server" | "nats-server", variable: string): string {
  const given = process.env[variable];
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...MORE_FOLDERS];
  const found = given ? [given] : folders.filter(Boolean).map((folder) => join(folder, name));
  const path = found.find((place) => existsSync(place));
  if (path !== undefined) return path;
  const where = given ? `${variable} names ${given}, which is not there` : `${name} is not installed`;
  throw new Error(
    `${where} (Debian: apt-get install ${name}; macOS: brew install ${name.replace("redis-server", "redis")})`,
  );
}
