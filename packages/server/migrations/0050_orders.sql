-- Claims, what they turn an award into, orders, payments (docs/spec/orders.md). Times are Unix milliseconds of the
-- server's clock, money is in minor units, ids are lower-case hex. Personal data is sealed (CL6).

create table idempotency_keys (
  user_id text not null,
  route text not null,
  key text not null,
  params_hash text not null,
  created_at_ms bigint not null,
  status integer,
  body text,
  primary key (user_id, route, key),
  check ((status is null) = (body is null))
);
create index idempotency_keys_by_age on idempotency_keys (created_at_ms);

-- An intention is written before the engine is asked, so that a crash between the two is rolled forward (CL4).
create table claims (
  claim_id text primary key,
  award_id text not null,
  attempt integer not null check (attempt >= 1),
  user_id text not null,
  pool text not null,
  kind text not null check (kind in ('goods', 'coupon', 'cash', 'right')),
  state text not null check (state in ('intended', 'done', 'refused')),
  params_hash text not null,
  -- Sealed address or contact; moves to the order when that is placed.
  details bytea,
  refusal text,
  intended_at_ms bigint not null,
  settled_at_ms bigint,
  unique (award_id, attempt),
  check ((state = 'intended') = (settled_at_ms is null)),
  check ((state = 'refused') = (refusal is not null))
);
create unique index claims_one_under_way on claims (award_id) where state = 'intended';
create index claims_intended on claims (intended_at_ms) where state = 'intended';

create table coupons (
  award_id text primary key,
  user_id text not null,
  pool text not null,
  code text not null unique,
  value_minor bigint not null check (value_minor >= 0),
  currency text not null,
  issued_at_ms bigint not null,
  valid_until_ms bigint not null
);

-- Closed loop: money that can be spent here and nowhere else. Balances only ever change with a credit row.
create table balances (
  user_id text not null,
  currency text not null,
  amount_minor bigint not null check (amount_minor >= 0),
  primary key (user_id, currency)
);
create table credits (
  award_id text primary key,
  user_id text not null,
  pool text not null,
  amount_minor bigint not null check (amount_minor > 0),
  currency text not null,
  credited_at_ms bigint not null
);

create table rights (
  award_id text primary key,
  user_id text not null,
  pool text not null,
  reference text not null unique,
  contact bytea not null,
  registered_at_ms bigint not null
);

create table orders (
  order_id text primary key,
  award_id text not null,
  attempt integer not null check (attempt >= 1),
  user_id text not null,
  pool text not null,
  title jsonb not null,
  state text not null check (state in ('placed', 'paid', 'expired')),
  amount_minor bigint not null check (amount_minor >= 1),
  currency text not null,
  ship_to bytea not null,
  placed_at_ms bigint not null,
  pay_by_ms bigint not null,
  paid_at_ms bigint,
  expired_at_ms bigint,
  -- The provider took money that this order could not use any more (OR10).
  refund_due boolean not null default false,
  next_check_at_ms bigint not null,
  checks integer not null default 0,
  unique (award_id, attempt),
  check ((state = 'paid') = (paid_at_ms is not null)),
  check (not (refund_due and state <> 'expired'))
);
-- OR9: no award has two orders that could both be delivered.
create unique index orders_one_live on orders (award_id) where state in ('placed', 'paid');
create index orders_by_user on orders (user_id, placed_at_ms desc);
create index orders_to_check on orders (next_check_at_ms) where state = 'placed';

-- Every move and every thing the provider said, with who and when; never edited.
create table order_events (
  order_id text not null references orders,
  n integer not null,
  at_ms bigint not null,
  event text not null,
  who text not null,
  from_state text,
  to_state text not null,
  detail jsonb not null default '{}',
  primary key (order_id, n)
);

create table payments (
  order_id text primary key references orders,
  provider text not null,
  payment_id text,
  pay_url text,
  state text not null check (state in ('creating', 'open', 'paid', 'closed')),
  amount_minor bigint not null,
  currency text not null,
  created_at_ms bigint not null,
  -- When the provider said paid; kept even when the order could not use it.
  captured_at_ms bigint,
  settled boolean not null default false,
  unique (provider, payment_id)
);
create index payments_unsettled on payments (captured_at_ms) where captured_at_ms is not null and not settled;

create table payment_notices (
  provider text not null,
  notice_id text not null,
  order_id text not null,
  kind text not null,
  received_at_ms bigint not null,
  outcome text not null,
  primary key (provider, notice_id)
);
