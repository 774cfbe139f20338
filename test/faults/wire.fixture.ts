import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A wire to a server that can be slowed, held and cut: what a database or a network does on a bad day. */
export type Wire = {
  /** The server's address by way of the wire. */
  readonly url: string;
  /** Delays every piece of traffic in both directions by this; 0 for none. */
  slow(delayMs: number): void;
  /** Lets nothing through until `go`; connections stay open. */
  hold(): void;
  go(): void;
  /** Breaks every connection; new ones are let through. */
  cut(): void;
  stop(): Promise<void>;
};

/** Lays a wire to the server of an address. @param host address of this machine that it begins at */
export async function startWire(url: string, host = "127.0.0.1"): Promise<Wire> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  let isHeld = false;
  let delayMs = 0;
  const pass = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on("error", () => to.destroy());
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on("data", (bytes) => {
      const write = () => void to.write(bytes);
      if (isHeld) held.push(write);
      else if (delayMs > 0) setTimeout(write, delayMs);
      else write();
    });
  };
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    pass(client, upstream);
    pass(upstream, client);
  });
  server.listen(0, host);
  await once(server, "listening");
  const bound = server.address();
  const own = new URL(url);
  own.hostname = host;
  own.port = String(typeof bound === "object" ? bound?.port : 0);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: own.href,
    slow(wanted) {
      delayMs = wanted;
    },
    hold() {
      isHeld = true;
    },
    go() {
      isHeld = false;
      for (const write of held.splice(0)) write();
    },
    cut,
    async stop() {
      server.close();
      cut();
      await once(server, "close").catch(() => undefined);
    },
  };
}
