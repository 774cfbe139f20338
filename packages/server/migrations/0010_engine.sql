-- The journal and what the materialiser makes of it (docs/spec/journal.md).

-- One row per shard; the fence of every append. Leases or renewals never live here.
create table shards (
  shard integer primary key,
  epoch bigint not null default 0 check (epoch between 0 and 4294967295),
  holder text not null default '',
  raised_at timestamptz not null default clock_timestamp()
);

create table journal (
  shard integer not null,
  seq bigint not null check (seq >= 1),
  epoch bigint not null,
  previous_hash bytea not null check (length(previous_hash) = 32),
  hash bytea not null check (length(hash) = 32),
  at_ms bigint not null,
  payload bytea not null,
  primary key (shard, seq)
);
-- Hashes and keys do not compress: trying costs more than the append.
alter table journal alter column payload set storage external;

create table materialiser_checkpoints (
  shard integer primary key,
  seq bigint not null,
  hash bytea not null check (length(hash) = 32)
);

create table pools (
  pool text primary key,
  shard integer not null,
  units bigint not null,
  withdrawn bigint not null default 0,
  cap_per_user bigint,
  grab_claim_ttl_ms bigint,
  grab_opens_at_ms bigint,
  grab_closes_at_ms bigint,
  created_at_ms bigint not null
);

create table draws (
  draw text primary key,
  pool text not null,
  shard integer not null,
  state text not null check (state in ('planned', 'armed', 'stopped', 'closed')),
  rules jsonb not null,
  rules_hash text not null,
  planned_at_ms bigint not null,
  arm jsonb,
  arm_hash text,
  closed_at_ms bigint
);

-- The chain of signed records of a draw, in order: seal, gap, stop, close.
create table draw_records (
  draw text not null,
  position integer not null,
  kind text not null check (kind in ('seal', 'gap', 'stop', 'close')),
  record jsonb not null,
  hash text not null,
  shard integer not null,
  seq bigint not null,
  at_ms bigint not null,
  primary key (draw, position)
);

create table draw_windows (
  draw text not null,
  window_index integer not null,
  header jsonb not null,
  seal_hash text not null,
  root text not null,
  count bigint not null,
  units_released bigint not null,
  round bigint not null,
  taps bigint not null,
  sealed_at_ms bigint not null,
  shard integer not null,
  sealed_seq bigint not null,
  drawn_at_ms bigint,
  randomness text,
  beacon_signature text,
  units_drawn bigint,
  winners bigint,
  primary key (draw, window_index)
);

-- Entries by the million: raw bytes. window_index is where the entry was made; a gap may have carried it on (DR12).
create table draw_entries (
  draw text not null,
  window_index integer not null,
  user_key bytea not null,
  user_id bytea not null,
  at_ms bigint not null,
  shard integer not null,
  seq bigint not null,
  primary key (draw, window_index, user_key)
);
-- Receipts are asked for by user (RC3).
create index draw_entries_by_user on draw_entries (draw, window_index, user_id);

create table awards (
  award_id text primary key,
  pool text not null,
  draw text,
  window_index integer,
  user_id text not null,
  user_key text,
  ticket text,
  request_id text,
  state text not null check (state in ('held', 'committing', 'posted', 'expired', 'forfeited')),
  order_id text,
  claim_by_ms bigint,
  reason text,
  won_at_ms bigint not null,
  moved_at_ms bigint not null,
  shard integer not null
);
create index awards_by_user on awards (user_id, won_at_ms desc);
create index awards_by_window on awards (draw, window_index) where draw is not null;
-- The search for posted awards that have nothing to show for it (CL10).
create index awards_posted on awards (moved_at_ms) where state = 'posted';

create table grabs (
  pool text not null,
  user_id text not null,
  request_id text not null,
  award_id text not null,
  granted_at_ms bigint not null,
  primary key (pool, user_id, request_id)
);

-- Everyone who ever joined a pool's line; whoever is in grabs too has left it with a unit.
create table grab_waits (
  pool text not null,
  user_id text not null,
  request_id text not null,
  since_ms bigint not null,
  primary key (pool, user_id, request_id)
);

-- SQL to journal (MT3): the row is written in the business transaction, its id is the command's.
create table outbox (
  number bigint generated always as identity primary key,
  id text not null unique,
  kind text not null,
  lane text not null,
  command jsonb not null,
  created timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  next_at timestamptz not null default clock_timestamp(),
  last_error text,
  done_at timestamptz,
  answer jsonb
);
create index outbox_undone on outbox (lane, number) where done_at is null;
