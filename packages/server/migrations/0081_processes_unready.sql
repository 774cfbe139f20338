-- Shards a process cannot answer for now: it reads their journal, or their copy does not add up (docs/spec/processes.md MP4).
alter table processes add column unready integer[] not null default '{}';
