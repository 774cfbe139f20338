import { encodeCommand, RedisLine, type RedisServer } from "./redis-server.ts";

// One grab per call, as flash-sale tutorials write it: stock, then the buyer, then both at once.
const perGrabScript = `
local stock = tonumber(redis.call('GET', KEYS[1]))
if stock <= 0 then return 0 end
if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return 2 end
redis.call('DECR', KEYS[1])
return 1`;

// Sixty-four wishes per call, the stock read and written once.
const batchScript = `
local stock = tonumber(redis.call('GET', KEYS[1]))
local answers = {}
local sold = 0
for i = 1, #ARGV do
  if stock - sold <= 0 then answers[i] = 0
  elseif redis.call('SADD', KEYS[2], ARGV[i]) == 0 then answers[i] = 2
  else sold = sold + 1; answers[i] = 1 end
end
if sold > 0 then redis.call('DECRBY', KEYS[1], sold) end
return answers`;

// The same with set operations over all sixty-four: as few calls inside the script as we could make of it.
const setBatchScript = `
local stock = tonumber(redis.call('GET', KEYS[1]))
local known = redis.call('SMISMEMBER', KEYS[2], unpack(ARGV))
local answers, fresh, seen = {}, {}, {}
for i = 1, #ARGV do
  if known[i] == 1 or seen[ARGV[i]] then answers[i] = 2
  elseif #fresh >= stock then answers[i] = 0
  else fresh[#fresh + 1] = ARGV[i]; seen[ARGV[i]] = true; answers[i] = 1 end
end
if #fresh > 0 then
  redis.call('SADD', KEYS[2], unpack(fresh))
  redis.call('DECRBY', KEYS[1], #fresh)
end
return answers`;

/** Users of one batch script, as the peer's best known form has it. */
export const BATCH_USERS = 64;

export const redisScripts = {
  "per-grab": { source: perGrabScript, usersPerCall: 1 },
  "64-user batch": { source: batchScript, usersPerCall: BATCH_USERS },
  "64-user batch, set operations": { source: setBatchScript, usersPerCall: BATCH_USERS },
} as const;
export type RedisScript = keyof typeof redisScripts;

/** One round: every user wants one unit, there is one for each, `inFlight` wishes are on their way at any time. */
export async function redisGrabs(input: {
  readonly server: RedisServer;
  readonly script: RedisScript;
  readonly users: readonly string[];
  readonly inFlight: number;
}): Promise<{ readonly perSecond: number }> {
  const { source, usersPerCall } = redisScripts[input.script];
  const { users } = input;
  const line = await RedisLine.open(input.server.socketPath);
  try {
    await line.ask(["FLUSHALL"]);
    await line.ask(["SET", "stock", users.length]);
    const sha = String(await line.ask(["SCRIPT", "LOAD", source]));
    // Written out beforehand: the peer's client costs nothing but the sending.
    const calls: string[] = [];
    for (let at = 0; at < users.length; at += usersPerCall) {
      calls.push(encodeCommand(["EVALSHA", sha, 2, "stock", "users", ...users.slice(at, at + usersPerCall)]));
    }
    const begun = performance.now();
    const wins = await play(line, calls, Math.max(1, Math.round(input.inFlight / usersPerCall)));
    const perSecond = (users.length / (performance.now() - begun)) * 1_000;
    await checkConservation(line, { wins, users: users.length });
    return { perSecond };
  } finally {
    line.close();
  }
}

/** Sends all calls, never more than `window` unanswered, and counts the wins. */
function play(line: RedisLine, calls: readonly string[], window: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let wins = 0;
    let sent = 0;
    let answered = 0;
    const send = () => {
      const to = Math.min(calls.length, answered + window);
      if (to === sent) return;
      line.write(calls.slice(sent, to).join(""));
      sent = to;
    };
    line.onReply = (value) => {
      answered += 1;
      if (value instanceof Error) reject(value);
      else if (Array.isArray(value)) for (const one of value) wins += one === 1 ? 1 : 0;
      else wins += value === 1 ? 1 : 0;
      if (answered === calls.length) resolve(wins);
    };
    line.onRead = send;
    send();
  });
}

async function checkConservation(line: RedisLine, round: { wins: number; users: number }): Promise<void> {
  line.onRead = () => {};
  const left = Number(await line.ask(["GET", "stock"]));
  const buyers = Number(await line.ask(["SCARD", "users"]));
  if (round.wins !== round.users || left !== 0 || buyers !== round.users) {
    throw new Error(`Redis: ${round.wins} wins, ${buyers} buyers, ${left} left of ${round.users}`);
  }
}
