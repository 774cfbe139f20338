import { createHash, randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import type { BeaconChain, DrawId, DrawRules, PoolId, UserId } from "@wanhui/core";
import { type RainView, type RoundView, type ShowView, WS_SUBPROTOCOL } from "@wanhui/protocol";
import { type RawData, WebSocket } from "ws";
import { botCheckRoutes, createBotCheck } from "../bot-check/mod.ts";
import {
  type Batch,
  createEngine,
  type Engine,
  type Fence,
  type JournalStore,
  nodeScheduler,
} from "../engine/mod.ts";
import { type App, createApp, createOrigins, type Origins } from "../http/mod.ts";
import {
  createEntrants,
  createLimits,
  createPeople,
  type Limits,
  makeRehearsalGrant,
  type People,
  type PlatformTokens,
  peopleRoutes,
  type Secret,
  STAFF_TTL_MS,
  type StaffAct,
  type StaffRole,
  type StaffRow,
  type StaffStore,
  secretFromHex,
  staffRoutes,
} from "../people/mod.ts";
import { silentLog } from "../platform/mod.ts";
import {
  createGateway,
  createIntake,
  createRoom,
  type EnginePort,
  type Gateway,
  type GatewayOptions,
  type Room,
  realClock,
  roomRoutes,
  type ShowPort,
  textFrame,
} from "./mod.ts";

// What the tests of rooms and people share: the real application, gateway and engine on loopback, with a journal in memory.

/** A journal in memory that keeps the store's rules; its tests are the engine's contract on PostgreSQL. */
class MemoryStore implements JournalStore {
  readonly #epochs: { epoch: number; holder: string }[] = [];
  readonly #rows: Batch[][] = [];

  async prepare(shards: number): Promise<number> {
    while (this.#epochs.length < shards) {
      this.#epochs.push({ epoch: 0, holder: "" });
      this.#rows.push([]);
    }
    return this.#epochs.length;
  }
  async raiseEpoch(shard: number, holder: string): Promise<number> {
    const epoch = (this.#epochs[shard]?.epoch ?? 0) + 1;
    this.#epochs[shard] = { epoch, holder };
    return epoch;
  }
  async raiseEpochIfHeld(shard: number, holder: string, next = holder): Promise<number | null> {
    return this.#epochs[shard]?.holder === holder ? this.raiseEpoch(shard, next) : null;
  }
  async release(shard: number, holder: string, epoch: number): Promise<boolean> {
    const known = this.#epochs[shard];
    if (known?.holder !== holder || known.epoch !== epoch) return false;
    known.holder = "";
    return true;
  }
  async *readTail(shard: number, fromSeq: number): AsyncIterable<Batch> {
    for (const row of this.#rows[shard] ?? []) if (row.seq >= fromSeq) yield row;
  }
  async readBatch(shard: number, seq: number): Promise<Batch | null> {
    return this.#rows[shard]?.[seq - 1] ?? null;
  }
  async append(rows: readonly Batch[]): Promise<ReadonlySet<number>> {
    const written = new Set<number>();
    for (const row of rows) {
      const chain = this.#rows[row.shard] ?? [];
      if (this.#epochs[row.shard]?.epoch !== row.epoch || chain.length !== row.seq - 1) continue;
      chain.push({ ...row, payload: Uint8Array.from(row.payload) });
      written.add(row.shard);
    }
    return written;
  }
  async checkFence(fences: readonly Fence[]): Promise<ReadonlySet<number>> {
    return new Set(
      fences
        .filter(({ shard, epoch }) => this.#epochs[shard]?.epoch === epoch)
        .filter(({ shard, seq, hash }) => seq === 0 || this.#rows[shard]?.[seq - 1]?.hash === hash)
        .map(({ shard }) => shard),
    );
  }
  async close(): Promise<void> {}
}

/** Staff in memory, by the same rules as the table's. */
export function memoryStaff(nowMs: () => number): StaffStore {
  const links = new Map<string, { role: StaffRole; expiresAtMs: number; invitedBy: string | null }>();
  const rows = new Map<string, StaffRow>();
  const operates = (row: StaffRow) =>
    row.role === "operator" && row.revokedAtMs === null && row.endsAtMs > nowMs();
  return {
    async createLink({ role, invitedBy }) {
      const token = randomBytes(32).toString("base64url");
      const expiresAtMs = nowMs() + 24 * 3_600_000;
      links.set(token, { role, expiresAtMs, invitedBy });
      return { token, expiresAtMs };
    },
    async useLink(token) {
      const link = links.get(token);
      links.delete(token);
      if (link === undefined || link.expiresAtMs <= nowMs()) return null;
      const { role, invitedBy } = link;
      const staff = `${role}-${rows.size + 1}`;
      const createdAtMs = nowMs();
      const endsAtMs = createdAtMs + STAFF_TTL_MS;
      rows.set(staff, { staff, role, invitedBy, createdAtMs, endsAtMs, revokedAtMs: null });
      return { staff, role };
    },
    async roleOf(staff) {
      const row = rows.get(staff);
      return row === undefined || row.revokedAtMs !== null ? null : row.role;
    },
    async revoke(staff) {
      const row = rows.get(staff);
      if (row === undefined || row.revokedAtMs !== null) return "unknown";
      const others = [...rows.values()].some((other) => other.staff !== staff && operates(other));
      if (row.role === "operator" && !others) return "last_operator";
      rows.set(staff, { ...row, revokedAtMs: nowMs() });
      for (const [token, { invitedBy }] of links) if (invitedBy === staff) links.delete(token);
      return "ended";
    },
    list: async () => [...rows.values()],
  };
}

export const RUN = "test-gala-1";
export const DRAW = `${RUN}/round-1` as DrawId;
export const PRIZE_POOL = `${RUN}/lamps` as PoolId;
export const RAIN_POOL = `${RUN}/coupons` as PoolId;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

/** Everything of this part of the server, on a free port of loopback. */
export type Venue = {
  readonly app: App;
  readonly room: Room;
  readonly gateway: Gateway;
  readonly engine: Engine;
  readonly people: People;
  readonly limits: Limits;
  readonly origins: Origins;
  readonly secret: Secret;
  /** What operators did to staff, oldest first. */
  readonly staffActs: readonly StaffAct[];
  readonly url: string;
  /** Sets the clock of the engine and people forward. */
  advance(ms: number): void;
  nowMs(): number;
  stop(): Promise<void>;
};

export type VenueOptions = {
  readonly units?: number;
  readonly firstWindowMs?: number;
  readonly armed?: boolean;
  readonly platform?: (nowMs: () => number) => PlatformTokens;
  readonly rehearsal?: boolean;
  readonly socketsMax?: number;
  readonly turnedAwayAtOnceMax?: number;
  readonly engine?: (engine: Engine) => EnginePort;
  /** The round and the rain ask for a bot check. */
  readonly botCheck?: boolean;
  readonly handshakes?: NonNullable<GatewayOptions["handshakes"]>;
};

/** Starts a venue whose one round is open now, and whose rain is falling. */
export async function startVenue(options: VenueOptions = {}): Promise<Venue> {
  let aheadMs = 0;
  const nowMs = () => Date.now() + aheadMs;
  const engine = createEngine({
    store: new MemoryStore(),
    clock: { nowMs, monotonicMs: () => performance.now() },
    scheduler: nodeScheduler,
    sha256,
    log: silentLog(),
    holder: "venue",
    shards: 2,
  });
  await engine.start();
  const openedAtMs = options.armed === false ? nowMs() : await openRound(engine, nowMs, options);
  if (options.armed !== false) aheadMs += openedAtMs - nowMs() + 1;
  const secret = secretFromHex("7a".repeat(32), "test");
  const limits = createLimits({ nowMs });
  const people = createPeople({
    secret,
    nowMs,
    staff: memoryStaff(nowMs),
    limits,
    platform: options.platform?.(nowMs) ?? null,
    rehearsalRun: () => (options.rehearsal === true ? RUN : null),
    drawIds: () => [DRAW],
  });
  const origins = createOrigins({ secure: false, publicUrl: "https://gala.example" });
  const clock = realClock(nowMs);
  const room = createRoom({ clock, frame: textFrame });
  const isChecked = options.botCheck === true;
  const botCheck = createBotCheck({
    secret,
    nowMs,
    random: () => 0,
    timesOf: (what) =>
      isChecked && [DRAW, RAIN_POOL].some((id) => id === what)
        ? { opensAtMs: openedAtMs, closesAtMs: openedAtMs + 3_600_000 }
        : null,
  });
  const intake = createIntake({
    engine: options.engine?.(engine) ?? engine,
    show: showPort(isChecked),
    botCheck,
    entrants: createEntrants(),
    limits,
    pseudonyms: people.pseudonyms,
  });
  const log = silentLog();
  const gateway = createGateway({
    room,
    intake,
    people,
    limits,
    origins,
    clock,
    log,
    random: Math.random,
    socketsMax: options.socketsMax ?? 10_000,
    ...(options.handshakes === undefined ? {} : { handshakes: options.handshakes }),
    ...(options.turnedAwayAtOnceMax === undefined
      ? {}
      : { turnedAwayAtOnceMax: options.turnedAwayAtOnceMax }),
  });
  const app = await createApp({ log, version: "0.0.0", origins });
  peopleRoutes(app, { people, secure: false });
  const staffActs: StaffAct[] = [];
  const record = async (act: StaffAct) => void staffActs.push(act);
  staffRoutes(app, { people, secure: false, baseUrl: () => "https://gala.example", record });
  botCheckRoutes(app, { botCheck });
  roomRoutes(app, { room, intake, show: showPort(isChecked) });
  const view = () => showView({ room, nowMs: nowMs(), opensAtMs: openedAtMs, isChecked });
  app.get("/api/show", async () => view());
  await app.listen({ port: 0, host: "127.0.0.1" });
  gateway.attach(app.server);
  room.start();
  const { port } = app.server.address() as AddressInfo;
  return {
    app,
    room,
    gateway,
    engine,
    people,
    limits,
    origins,
    secret,
    staffActs,
    url: `http://127.0.0.1:${port}`,
    nowMs,
    advance(ms) {
      aheadMs += ms;
    },
    async stop() {
      room.stop();
      await gateway.stop();
      await app.close();
      await engine.stop();
    },
  };
}

/** Plans and arms a round, and a rain that falls for an hour. @returns when the round opens */
async function openRound(engine: Engine, nowMs: () => number, options: VenueOptions): Promise<number> {
  const units = options.units ?? 3;
  const periodMs = 3_000;
  const firstWindowMs = options.firstWindowMs ?? 3_600_000;
  const beacon: BeaconChain = {
    chainHash: "ab".repeat(32),
    publicKey: "cd".repeat(96),
    scheme: "bls-unchained-g1-rfc9380",
    genesisMs: nowMs() - 10 * periodMs,
    periodMs,
  };
  const wishedMs = nowMs() + 10_500 + firstWindowMs + 2_000 - beacon.genesisMs;
  const firstRound = Math.ceil(wishedMs / periodMs) + 1;
  const opensAtMs = beacon.genesisMs + (firstRound - 1) * periodMs - 2_000 - firstWindowMs;
  const rules: DrawRules = {
    version: "wanhui/rules/1",
    draw: DRAW,
    pool: PRIZE_POOL,
    title: "round 1",
    schedule: [units],
    firstWindowMs,
    capPerUser: 1,
    enter: "guest",
    excludedRoles: [],
    leftoversTo: null,
    claimTtlMs: 60_000,
    showKey: "ef".repeat(32),
    witnesses: [],
  };
  const rain = { pool: RAIN_POOL, units, capPerUser: 1, grabClaimTtlMs: null };
  const commands = [
    { type: "pool.create", pool: PRIZE_POOL, units, capPerUser: 1, grabClaimTtlMs: null },
    { type: "pool.create", ...rain },
    { type: "grab.open", pool: RAIN_POOL, opensAtMs: nowMs(), closesAtMs: nowMs() + 3_600_000 },
    { type: "draw.plan", rules },
    { type: "draw.arm", draw: DRAW, opensAtMs, firstRound, beacon },
  ] as const;
  for (const command of commands) {
    const answer = await engine.submit(command);
    if (!answer.ok) throw new Error(`${command.type}: ${answer.code}`);
  }
  return opensAtMs;
}

/** The show as its board would show it: one round that is open for an hour. */
export function showView(at: {
  room: Room;
  nowMs: number;
  opensAtMs: number;
  isChecked?: boolean;
}): ShowView {
  const text = { zh: "晚会", en: "gala" };
  const round: RoundView = {
    draw: DRAW,
    index: 0,
    slug: "round-1",
    title: text,
    venue: "main",
    pool: PRIZE_POOL,
    phase: "open",
    opensAtMs: at.opensAtMs,
    closesAtMs: at.opensAtMs + 3_600_000,
    firstWindowMs: 3_600_000,
    windowMs: 3_000,
    schedule: [3],
    enter: "guest",
    capPerUser: 1,
    botCheck: at.isChecked === true,
    rulesHash: "00".repeat(32),
    armHash: "00".repeat(32),
    firstRound: 1,
    level: "dev",
    entries: 0,
    winners: 0,
    drawnThrough: 0,
    reason: null,
  };
  const counts = { viewers: at.room.viewers, taps: 0, entries: 0, awards: 0, claims: 0, left: {}, open: {} };
  return {
    show: "test-gala",
    run: RUN,
    title: text,
    subtitle: text,
    picture: null,
    theme: "gala",
    rehearsal: false,
    startsAtMs: at.opensAtMs,
    endsAtMs: at.opensAtMs + 3_600_000,
    venues: [],
    cues: [],
    rounds: [round],
    rains: at.isChecked === true ? [checkedRain(at.opensAtMs)] : [],
    prizes: [],
    beacon: { level: "dev", name: "dev" },
    showKey: "ef".repeat(32),
    stream: at.room.stream,
    offset: at.room.offset,
    nowMs: at.nowMs,
    counts,
  };
}

function checkedRain(opensAtMs: number): RainView {
  return {
    slug: "rain",
    pool: RAIN_POOL,
    title: { zh: "雨", en: "rain" },
    venue: "main",
    phase: "open",
    opensAtMs,
    closesAtMs: opensAtMs + 3_600_000,
    botCheck: true,
  };
}

function showPort(botCheck: boolean): ShowPort {
  return {
    admit({ drawIndex, session }) {
      if (drawIndex !== 0) return { ok: false, code: "draw.unknown" };
      if (session.roles.includes("operator")) return { ok: false, code: "draw.not_eligible" };
      return { ok: true, draw: DRAW, botCheck };
    },
    // Every tap asks the shard: what is counted without it is a test of its own.
    openWindow: () => null,
    admitTake: ({ pool }) =>
      pool === RAIN_POOL ? { ok: true, pool: RAIN_POOL, botCheck } : { ok: false, code: "pool.unknown" },
    drawIndexOf: (draw) => (draw === DRAW ? 0 : null),
  };
}

/** One JSON request, with a token or none. */
export async function ask(
  venue: Venue,
  path: string,
  options: { method?: string; token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const { token, body } = options;
  const response = await fetch(venue.url + path, {
    method: options.method ?? (body === undefined ? "GET" : "POST"),
    redirect: "manual",
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : { text } };
}

export type Guest = { readonly user: UserId; readonly token: string };

export async function newGuest(venue: Venue): Promise<Guest> {
  const { body } = await ask(venue, "/api/session", { body: { bearer: true } });
  return { user: String(body.user) as UserId, token: String(body.token) };
}

export async function newSynthetic(
  venue: Venue,
  person: { person: string; device: string; address: string },
): Promise<Guest> {
  const grant = makeRehearsalGrant(venue.secret, { run: RUN, expiresAtMs: venue.nowMs() + 3_600_000 });
  const { body } = await ask(venue, "/api/session", {
    body: { synthetic: person },
    headers: { "x-wanhui-rehearsal": grant },
  });
  return { user: String(body.user) as UserId, token: String(body.token) };
}

/** A message as JSON, loosely typed: tests say what they expect. */
// biome-ignore lint/suspicious/noExplicitAny: assertions read fields of many shapes
export type Heard = Record<string, any> & { t: string };

/** A real socket that keeps what it hears, and waits for what it has not heard yet. */
export class TestSocket {
  readonly socket: WebSocket;
  readonly heard: Heard[] = [];
  closeCode: number | null = null;
  readonly #wake = new Set<() => void>();

  constructor(url: string, options: { origin?: string; protocols?: string[] } = {}) {
    const headers = options.origin === undefined ? {} : { headers: { origin: options.origin } };
    this.socket = new WebSocket(url, options.protocols ?? [WS_SUBPROTOCOL], headers);
    this.socket.on("message", (data: RawData) => {
      this.heard.push(JSON.parse(String(data)) as Heard);
      this.#changed();
    });
    this.socket.on("close", (code) => {
      this.closeCode = code;
      this.#changed();
    });
    this.socket.on("error", () => {});
  }

  #changed(): void {
    for (const wake of [...this.#wake]) wake();
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wake.delete(check);
        reject(
          new Error(
            `never: ${what}; heard ${JSON.stringify(this.heard.slice(-5))}, closed ${this.closeCode}`,
          ),
        );
      }, 10_000);
      const check = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#wake.delete(check);
        resolve();
      };
      this.#wake.add(check);
    });
  }

  async first(t: string): Promise<Heard> {
    await this.until(() => this.heard.some((message) => message.t === t), t);
    return this.heard.find((message) => message.t === t) as Heard;
  }

  async closed(): Promise<number> {
    await this.until(() => this.closeCode !== null, "a close");
    return this.closeCode ?? 0;
  }

  async opened(): Promise<this> {
    if (this.socket.readyState === WebSocket.CONNECTING) {
      await new Promise((resolve, reject) => {
        this.socket.once("open", resolve);
        this.socket.once("error", reject);
      });
    }
    return this;
  }

  say(message: unknown): void {
    this.socket.send(
      typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message),
    );
  }

  /** The ctl messages heard, in order. */
  get ctl(): unknown[] {
    return this.heard.flatMap((message) => (message.t === "f" ? (message.ctl ?? []) : []));
  }
}

export async function ticketOf(venue: Venue, token: string): Promise<string> {
  const { body } = await ask(venue, "/api/socket-ticket", { method: "POST", token, body: {} });
  return String(body.ticket);
}

export function socketUrl(venue: Venue, ticket: string): string {
  return `${venue.url.replace("http", "ws")}/ws?ticket=${ticket}`;
}

/** A greeted socket of a guest. */
export async function join(
  venue: Venue,
  token: string,
  hello: { resume?: { stream: string; offset: number }; me?: number } = {},
): Promise<TestSocket> {
  const socket = await new TestSocket(socketUrl(venue, await ticketOf(venue, token))).opened();
  socket.say({ t: "hello", v: 1, ...hello });
  await socket.first("hello");
  return socket;
}
