import { totalmem } from "node:os";

const MIB = 1024 * 1024;

/** A sixteenth of the memory: the same machine also runs the shop, the rooms and the page cache of the journal. */
function sharedBuffersMib(memoryBytes: number): number {
  return Math.min(1024, Math.max(64, Math.floor(memoryBytes / 16 / MIB)));
}

/**
 * Settings of the embedded server, given on its command line so that a new release of ours needs no migration of
 * a configuration file. Durability first: the journal's promise is only as good as the first three lines.
 */
export function serverSettings(port: number, overrides: Record<string, string> = {}): Record<string, string> {
  return {
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    listen_addresses: "127.0.0.1",
    port: String(port),
    // A socket path ends at 107 bytes, and data folders are deeper than that; TCP on loopback always fits.
    unix_socket_directories: "",
    max_connections: "100",
    shared_buffers: `${sharedBuffersMib(totalmem())}MB`,
    // The journal appends in large batches: room for a whole one, so that a commit is one write and one sync.
    wal_buffers: "16MB",
    // Fewer full page images under a night's write load; a crash then replays at most this much.
    max_wal_size: "2GB",
    min_wal_size: "256MB",
    checkpoint_timeout: "10min",
    // Our own batching already groups commits; a delay would only add latency.
    commit_delay: "0",
    // Short statements only, and /dev/shm in a container is 64 MB: neither workers nor compilation pay off.
    max_parallel_workers_per_gather: "0",
    jit: "off",
    password_encryption: "scram-sha-256",
    TimeZone: "UTC",
    log_timezone: "UTC",
    // Statements, parameters and details of errors carry people's data: none of them goes to the log.
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_parameter_max_length_on_error: "0",
    log_line_prefix: "%m [%p] ",
    ...overrides,
  };
}
