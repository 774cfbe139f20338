-- Runs of shows, their cues, and every act of a director (docs/spec/show-file.md SH21, CU6).

create table runs (
  run text primary key,
  show text not null,
  number integer not null check (number >= 1),
  rehearsal boolean not null,
  -- Stored once: a restart continues it, nothing moves it.
  started_at_ms bigint not null,
  -- Canonical JSON as text, so that its hash can be checked by anybody.
  definition text not null,
  definition_hash text not null,
  created_at timestamptz not null default clock_timestamp(),
  unique (show, number)
);

create table cues (
  run text not null references runs,
  cue text not null,
  kind text not null check (kind in ('say', 'segment', 'round', 'rain')),
  -- The announced time; an act may move it while the cue is not armed.
  at_ms bigint not null,
  state text not null check (state in ('pending', 'held', 'armed', 'live', 'done', 'skipped', 'missed')),
  reason text,
  -- What arming or opening was asked for, stored before it was asked, so that it can be asked again the same (CU2).
  plan jsonb,
  fired_at_ms bigint,
  ended_at_ms bigint,
  -- Raised by every change; a change names the version it saw.
  version integer not null default 0,
  primary key (run, cue)
);

create table acts (
  act bigint generated always as identity primary key,
  run text not null references runs,
  at_ms bigint not null,
  who text not null check (who <> ''),
  role text not null check (role in ('host', 'operator')),
  action text not null check (action <> ''),
  target text not null,
  reason text
);
create index acts_by_run on acts (run, act desc);

create function acts_are_final() returns trigger language plpgsql as $$
begin
  raise exception 'acts are never changed or deleted (CU6)' using errcode = 'integrity_constraint_violation';
end $$;
create trigger acts_are_final before update or delete on acts
  for each row execute function acts_are_final();
create trigger acts_are_never_truncated before truncate on acts
  for each statement execute function acts_are_final();

-- A run's promise does not change once it is made.
create function runs_are_final() returns trigger language plpgsql as $$
begin
  raise exception 'a run is never changed or deleted (SH21)' using errcode = 'integrity_constraint_violation';
end $$;
create trigger runs_are_final before update or delete on runs
  for each row execute function runs_are_final();
