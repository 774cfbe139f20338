import { Agent, request } from "node:http";

/** People of one address sign in at a rate; the load comes from several of this machine's own. */
const ADDRESSES = 16;
/** Enough at once to be quick, few enough to stay polite. */
const AT_ONCE = 24;

/** A signed-in guest who may open one socket. */
export type Guest = { readonly ticket: string; readonly from: string };

/** 127.0.0.1 and its neighbours; macOS has only the first. */
export function loopbackAddress(index: number): string {
  return process.platform === "linux" ? `127.0.0.${1 + (index % ADDRESSES)}` : "127.0.0.1";
}

/** Signs guests in over HTTP, as pages do. */
export async function signInGuests(url: URL, count: number): Promise<Guest[]> {
  const agents = new Map<string, Agent>();
  const agentOf = (from: string) => {
    const known = agents.get(from) ?? new Agent({ keepAlive: true, maxSockets: AT_ONCE });
    agents.set(from, known);
    return known;
  };
  const guests: Guest[] = [];
  let next = 0;
  const one = async () => {
    while (next < count) {
      const from = loopbackAddress(next);
      next += 1;
      const agent = agentOf(from);
      const signedIn = await post<{ token: string }>({
        url,
        path: "/api/session",
        body: { bearer: true },
        from,
        agent,
      });
      const ticketed = await post<{ ticket: string }>({
        url,
        path: "/api/socket-ticket",
        body: {},
        token: signedIn.token,
        from,
        agent,
      });
      guests.push({ ticket: ticketed.ticket, from });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  for (const agent of agents.values()) agent.destroy();
  return guests;
}

function post<T>(asked: {
  readonly url: URL;
  readonly path: string;
  readonly body: unknown;
  readonly token?: string;
  readonly from: string;
  readonly agent: Agent;
}): Promise<T> {
  const { url, path, body, token, from, agent } = asked;
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const { hostname, port } = url;
    const sent = request(
      { hostname, port, path, method: "POST", headers, localAddress: from, agent },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        answer.on("end", () => {
          if (answer.statusCode === 200) resolve(JSON.parse(text) as T);
          else reject(new Error(`${path}: ${answer.statusCode} ${text}`));
        });
      },
    );
    sent.on("error", reject);
    sent.end(JSON.stringify(body));
  });
}
