-- Hashes of parameters are keyed from here on (CL6). The plain ones could be tried out, so none is kept. A key that was
-- used before asks again and finds its claim as it stands; a claim whose parameters are forgotten is like no other
-- claim of its award (CL12). Rows of awards posted as they were won have always been without.
delete from idempotency_keys;
update claims set params_hash = '' where params_hash <> '';
