// Every number of the engine that bounds something, with its reason.

/** Shards of a new database (JR1): enough to spread over the cores of several machines, few enough for one tick. */
export const SHARDS_DEFAULT = 8;

/** A busy tick is held this long for more records: the longest a caller waits for a group (JR5). */
export const TICK_MS_MAX = 5;

/** Records that end the wait (JR5): 48 KB, beyond which a larger append is no cheaper per record. */
export const TICK_RECORDS_MAX = 1_024;

/** A tick with at least this many answers calls the engine busy; below it waiting would only add latency. */
export const TICK_BUSY_ANSWERS = 128;

/** Bytes decided ahead of the disk per shard (JR5): one append of this size still takes under 50 ms. */
export const TICK_BYTES_MAX = 4 * 1024 * 1024;

/** Answers waiting in one tick: refusals have no bytes but hold memory all the same. */
export const TICK_ANSWERS_MAX = 65_536;

/** Undecided commands per shard (JR5): about 10 MB; beyond them `engine.busy`, retry after 250 ms. */
export const WAITING_MAX = 65_536;

/** Pause between attempts to learn an unknown outcome (JR7): a restarting PostgreSQL takes about a second. */
export const RECOVERY_PAUSE_MS = 100;

/** Longest timer set at once: longer waits are cut, so that a slewed clock is looked at again. */
export const TIMER_MS_MAX = 60_000;

/** After a tick that had nothing to say although it was due, look again no sooner than this. */
export const IDLE_TICK_MS = 50;

/** A replay of a shard that took longer is not to be done again (JR14). */
export const SNAPSHOT_REPLAY_MS = 2_000;
