-- Staff and the one-time links that make them (docs/spec/people.md PE5, PE6). Guests have no row: they are signed tokens.

create table staff (
  staff_id text primary key,
  role text not null check (role in ('host', 'operator', 'auditor')),
  -- The staff row that invited this one; null for the link printed at the start.
  invited_by text references staff (staff_id),
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);

create table staff_links (
  -- SHA-256 of the token: whoever reads the table cannot sign in with it.
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  role text not null check (role in ('host', 'operator', 'auditor')),
  invited_by text references staff (staff_id),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  staff_id text references staff (staff_id),
  check ((used_at is null) = (staff_id is null))
);

create index staff_links_expiry on staff_links (expires_at) where used_at is null;
