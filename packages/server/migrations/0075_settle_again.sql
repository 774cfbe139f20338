-- A noted payment whose order cannot be moved now is tried again later and later, by itself (OR5).
alter table payments
  add column next_settle_at_ms bigint not null default 0,
  add column settle_tries integer not null default 0;
drop index payments_unsettled;
create index payments_unsettled on payments (next_settle_at_ms, captured_at_ms)
  where captured_at_ms is not null and not settled;
