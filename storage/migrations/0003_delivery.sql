-- Every alert has an end: how often and since when its delivery has been in doubt outlives a restart.

alter table outbox
    -- tries that may have arrived
    add column doubts integer not null default 0,
    -- when the first of them began, by the program's clock
    add column doubted_ms bigint;
