-- DR20: a planned draw that was given up before it was armed.
alter table draws drop constraint draws_state_check;
alter table draws add constraint draws_state_check
  check (state in ('planned', 'armed', 'stopped', 'closed', 'cancelled'));
