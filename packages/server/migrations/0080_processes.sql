-- The processes of the house (docs/spec/processes.md MP1). Leases live here and nowhere near the fence.
create table processes (
  process text primary key,
  began_at timestamptz not null default clock_timestamp(),
  -- Boot, process namespace, id and start time: whoever shares the place can see whether it still lives.
  place text not null,
  pid integer not null,
  started text not null,
  address text not null default '',
  sandbox text not null default '',
  version integer not null,
  -- Whether its messages reach other processes: false without NATS_URL.
  bus boolean not null,
  -- Whether it answers for shards: not before it has read the journal, not any more once it is leaving.
  serves boolean not null default false,
  lease_until timestamptz not null
);

-- What all processes of a house must have in common.
create table house (
  name text primary key,
  value text not null
);
