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

-- The crowd's message that named an opportunity to a chat, and that arrived or may still; null: none.
create function crowd_naming(wanted text, its_channel text, its_chat text, its_thread text) returns bigint
language sql stable as $$
select first.alert_id
from alerts m
join alerts first on first.alert_id = coalesce(m.changes_id, m.alert_id)
where m.kind = 'crowd' and m.channel = its_channel and m.chat = its_chat and m.thread = its_thread
    and m.state in ('pending', 'sent', 'unknown') and first.state in ('pending', 'sent', 'unknown')
    and m.facts -> 'members' @> jsonb_build_array(jsonb_build_object('opportunity_id', wanted))
order by m.alert_id
limit 1
$$;
