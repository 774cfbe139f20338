import type { Config } from "../platform/mod.ts";

/** Where people and the provider reach this server; the port is known once it listens. */
export type Addresses = {
  /** What people's browsers use: `PUBLIC_URL`, else this machine's own. */
  base(): string;
  /** What a program on this machine uses. */
  local(): string;
  listeningOn(port: number): void;
};

/** Makes the addresses of a server that is about to listen. */
export function createAddresses(config: Pick<Config, "publicUrl" | "host" | "port" | "tls">): Addresses {
  let { port } = config;
  const scheme = config.tls ? "https" : "http";
  // A server that listens on one address of the machine is not reached by the name localhost.
  const isEverywhere = ["0.0.0.0", "::", "127.0.0.1", "localhost"].includes(config.host);
  const host = isEverywhere ? "localhost" : config.host.includes(":") ? `[${config.host}]` : config.host;
  return {
    base: () => config.publicUrl ?? `${scheme}://${host}:${port}`,
    local: () => `${scheme}://${host}:${port}`,
    listeningOn(listening) {
      port = listening;
    },
  };
}
