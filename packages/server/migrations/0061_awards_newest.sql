-- The studio lists awards newest first, of one state or of all (docs/spec/pool.md AW6): read backwards, one walk a state.
create index awards_by_state on awards (state, won_at_ms, award_id);
