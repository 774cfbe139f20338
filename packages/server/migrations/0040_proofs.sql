-- Signatures of declared witnesses over seals (docs/spec/proof.md WT1), as they came in; the first of a witness stays.
create table witness_signatures (
  draw text not null,
  seal_hash text not null,
  public_key text not null,
  name text not null,
  heard_at_ms bigint not null,
  signature text not null,
  received_at timestamptz not null default clock_timestamp(),
  primary key (seal_hash, public_key)
);
create index witness_signatures_by_draw on witness_signatures (draw);
