-- Delivery: every alert has an end, and a chat's cap counts every message about something new.

-- how often and since when delivery is in doubt outlives a restart
alter table outbox
    -- tries that may have arrived
    add column doubts integer not null default 0,
    -- when the first of them began, by the program's clock
    add column doubted_ms bigint;

-- What counts toward a chat's hourly cap: messages. Entries that are told together are one.
drop index alerts_told_lately;
create index alerts_told_lately on alerts (channel, chat, thread, created_ms)
    where kind in ('entry', 'crowd', 'merged') and state in ('pending', 'sent', 'unknown')
        and digest_id is null and changes_id is null;

create view capped_messages as
select channel, chat, thread, created_ms from alerts
where kind in ('entry', 'crowd', 'merged') and state in ('pending', 'sent', 'unknown')
    and digest_id is null and changes_id is null;
