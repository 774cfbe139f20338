import { type DestinationStream, destination, type Logger, multistream, pino } from "pino";

/**
 * What a log line may say. Levels: `error` someone must act now; `warn` someone should look tomorrow; `info` what an
 * operator wants to read of a normal night (a few lines a minute at most); `debug` for whoever changes the code.
 *
 * No personal data: no names, addresses, phone numbers, tokens, request bodies or IP addresses. Ids are fine.
 */
export type Log = Pick<Logger, "debug" | "info" | "warn" | "error"> & {
  child(bindings: Record<string, unknown>): Log;
};

/** Levels from the noisiest to none. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
/** One of the levels of `logLevels`. */
export type LogLevel = (typeof logLevels)[number];

/** Keys never written, at the top or one level down, whoever passes them by mistake. */
const redacted = ["password", "token", "authorization", "cookie", "phone", "email", "address", "secret"];

/** User and password of an address, wherever it stands in a line: a driver's message may name the one it was given. */
const logins = /:\/\/[^\s/"]*@/g;

const labels = new Map([
  [20, "debug"],
  [30, "info"],
  [40, "WARN"],
  [50, "ERROR"],
]);

/**
 * Turns one JSON log line into one line for people: time, level, part, message, then the remaining fields.
 * A line that is not JSON comes back as it is.
 */
export function humanLine(json: string): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const { level, time, part, msg, err, ...rest } = entry;
  const clock = typeof time === "number" ? new Date(time).toISOString().slice(11, 23) : "";
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const error = typeof err === "object" && err !== null && "message" in err ? `(${String(err.message)})` : "";
  const words = [clock, labels.get(Number(level)) ?? String(level), part ? `[${String(part)}]` : "", msg];
  return [...words, error, ...fields].filter((word) => word !== "" && word !== undefined).join(" ");
}

/**
 * Makes the process's logger: JSON lines to `file` when given, otherwise to standard error; on a terminal
 * standard error gets one readable line per entry instead. Standard output stays free for a command's answer.
 *
 * @param options.file appended to, created with its folder when missing
 */
export function createLog(options: { level: LogLevel; file?: string; tty?: boolean }): Log {
  const human: DestinationStream = {
    write: (line: string) => void process.stderr.write(`${humanLine(line.trimEnd())}\n`),
  };
  const tty = options.tty ?? process.stderr.isTTY === true;
  const level = options.level;
  const toFile = options.file === undefined ? undefined : fileOf(options.file);
  const toPeople = tty ? human : destination({ dest: 2, sync: true });
  const streams = toFile
    ? [
        { level: "debug" as const, stream: toFile },
        ...(tty ? [{ level: "info" as const, stream: toPeople }] : []),
      ]
    : [{ level: "debug" as const, stream: toPeople }];
  const paths = redacted.flatMap((key) => [key, `*.${key}`]);
  // A driver's error drags its connection along; type, message, code and stack are what helps.
  const serializers = { err: errorFields };
  const hooks = { streamWrite: (line: string) => line.replaceAll(logins, "://[redacted]@") };
  return pino(
    { level, base: null, serializers, redact: { paths, censor: "[redacted]" }, hooks },
    multistream(streams),
  );
}

/** Lines kept while the file takes none; what is more is lost. */
const WAITING_BYTES_MAX = 1_048_576;
const TROUBLE_TOLD_EVERY_MS = 60_000;

/** A log that cannot be written is no reason to end the night: lines wait, and a full disk is said on standard error. */
function fileOf(file: string): ReturnType<typeof destination> {
  const stream = destination({ dest: file, mkdir: true, sync: false, maxLength: WAITING_BYTES_MAX });
  let toldAtMs = Number.NEGATIVE_INFINITY;
  stream.on("error", (error: Error) => {
    if (performance.now() - toldAtMs < TROUBLE_TOLD_EVERY_MS) return;
    toldAtMs = performance.now();
    process.stderr.write(`The log file cannot be written, lines may be lost: ${error.message}\n`);
  });
  return stream;
}

function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name: type, message, stack } = error;
  const code = "code" in error ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: errorFields(error.cause) };
  return { type, message, ...code, ...cause, stack };
}

/** A logger that writes nothing, for tests and tools that print their own report. */
export function silentLog(): Log {
  return pino({ level: "silent" });
}
