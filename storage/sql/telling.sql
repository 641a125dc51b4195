-- name: add_entry_alerts
-- One alert for every chat that wants these opportunities, in their order: enabled chats of owners
-- and members with a subscription that fits, or who follow the loser; a rehearsal and the control are
-- for nobody. What a chat doesn't want to hear now is held, and says by which of its own wishes.
with news as (
    select o.opportunity_id, o.loser, o.coin, o.side, o.notional_usd, o.badness, o.expires_ms, wanted.nth
    from unnest($1::text[]) with ordinality as wanted (opportunity_id, nth)
    join trade_opportunities o using (opportunity_id)
    where o.grp = 'loser' and not o.is_rehearsal
),
-- a chat with several wishes that fit is told once
wished as (
    select n.nth, s.channel, s.chat, s.thread
    from news n
    join subscriptions s on (s.coin is null or s.coin = n.coin) and (s.side is null or s.side = n.side)
        and n.notional_usd >= s.min_usd and (s.min_badness = 0 or n.badness >= s.min_badness)
    union
    select n.nth, f.channel, f.chat, f.thread
    from news n
    join follows f on f.address = n.loser
),
by_chat as materialized (
    select channel, chat, thread, array_agg(nth) as nths from wished group by channel, chat, thread
),
-- what is the same for all of its news is found once for each chat, not once for each pair
listeners as materialized (
    select w.nths, c.channel, c.chat, c.thread, c.created_at, c.hourly_cap,
        coalesce(c.loudness ->> 'entry', 'on') as loudness,
        is_quiet(c.quiet_from, c.quiet_until, c.time_zone, $2) as is_quiet,
        (
            select array_agg(m.what) from mutes m
            where m.channel = c.channel and m.chat = c.chat and m.thread = c.thread and m.until_ms > $2
        ) as muted,
        case when c.hourly_cap is not null then (
            select count(*) from capped_messages m
            where m.channel = c.channel and m.chat = c.chat and m.thread = c.thread
                and m.created_ms > $2 - 3600000
        ) end as told
    from by_chat w
    join chats c using (channel, chat, thread)
    where c.disabled_reason is null and c.role in ('owner', 'member')
),
judged as (
    select n.opportunity_id, n.nth, n.expires_ms, l.channel, l.chat, l.thread, l.created_at, l.hourly_cap,
        l.loudness, l.told,
        case
            when l.loudness = 'off' then 'off'
            when l.muted && array['all', n.coin, n.loser] then 'muted'
            when l.is_quiet then 'quiet'
        end as held
    from listeners l
    cross join unnest(l.nths) as of (nth)
    join news n using (nth)
),
-- the cap counts messages: entries told together are one
counted as (
    select j.*, coalesce(j.held, case
        when j.told + row_number() over (
            partition by j.channel, j.chat, j.thread, j.held is null order by j.nth
        ) > j.hourly_cap then 'cap'
    end) as held_because
    from judged j
),
told as (
    insert into alerts (
        kind, opportunity_id, channel, chat, thread, state, held_because, created_ms, expires_ms, evidence, is_silent
    )
    select 'entry', opportunity_id, channel, chat, thread,
        case when held_because is null then 'pending' else 'held' end, held_because,
        $2, expires_ms, $3, loudness = 'silent'
    from counted
    order by nth, created_at, channel, chat, thread
    on conflict (opportunity_id, channel, chat, thread, kind) where kind in ('entry', 'exit') do nothing
    returning alert_id, channel, chat, thread, state
),
queued as (
    insert into outbox (alert_id, channel, chat, thread, priority)
    select alert_id, channel, chat, thread, 1 from told where state = 'pending'
    returning alert_id
)
-- tells dispatchers that there is something; sent with the commit
select pg_notify('outbox', '') from queued limit 1;

-- name: expire_entries
-- An entry that is still waiting when its opportunity ends comes too late to be of use.
with gone as (
    delete from outbox o using alerts a
    where a.alert_id = o.alert_id and a.kind = 'entry' and a.opportunity_id = any($1::text[])
        and o.state = 'pending' and not o.may_have_arrived
    returning o.alert_id
)
update alerts a set state = 'expired', last_error = 'the opportunity ended before this could be sent'
from gone where a.alert_id = gone.alert_id;

-- name: add_exit_alerts
-- Who was told to enter is told to leave: those whose entry arrived, may have arrived, or is still
-- on its way (its exit waits behind it; tidying puts it behind the message in which that is told); and
-- those to whom a crowd's message named it, though its own entry was held or lost. No mute, cap or
-- quiet hour holds it: in quiet hours it comes silently. Only a chat that wants no exits at all gets none.
-- A chat that was switched off since gets a row that says so; one that left for good, none.
with leaving as (
    select wanted.nth, entry.alert_id, entry.opportunity_id, entry.channel, entry.chat, entry.thread,
        coalesce(named.crowd_id, entry.alert_id) as entry_id
    from unnest($1::text[]) with ordinality as wanted (opportunity_id, nth)
    join alerts entry using (opportunity_id)
    cross join lateral (
        select case when entry.state in ('held', 'dead', 'expired')
            then crowd_naming(entry.opportunity_id, entry.channel, entry.chat, entry.thread) end as crowd_id
    ) named
    where entry.kind = 'entry' and (entry.state in ('sent', 'unknown', 'pending') or named.crowd_id is not null)
),
told as (
    insert into alerts (
        kind, opportunity_id, channel, chat, thread, state, held_because, created_ms, evidence, last_error, is_silent
    )
    select 'exit', l.opportunity_id, l.channel, l.chat, l.thread,
        case
            when c.disabled_reason is not null then 'dead'
            when c.loudness ->> 'exit' = 'off' then 'held'
            else 'pending'
        end,
        case when c.disabled_reason is null and c.loudness ->> 'exit' = 'off' then 'off' end,
        $2, $3, c.disabled_reason,
        coalesce(c.loudness ->> 'exit' = 'silent', false)
            or is_quiet(c.quiet_from, c.quiet_until, c.time_zone, $2)
    from leaving l
    join chats c using (channel, chat, thread)
    order by l.nth, l.alert_id
    on conflict (opportunity_id, channel, chat, thread, kind) where kind in ('entry', 'exit') do nothing
    returning alert_id, opportunity_id, channel, chat, thread, state
),
queued as (
    insert into outbox (alert_id, entry_id, channel, chat, thread, priority)
    select t.alert_id, l.entry_id, t.channel, t.chat, t.thread, 0
    from told t
    join leaving l using (opportunity_id, channel, chat, thread)
    where t.state = 'pending'
    returning alert_id
)
select pg_notify('outbox', '') from queued limit 1;

-- name: add_update_alerts
-- The entry's own message says what became of it: that the order grew ($3), or that it is over ($3
-- null; what is known of its growth stays). Where it can be changed, and only where it was told by
-- itself. What still waits to say something older says this instead.
with entries as materialized (
    -- by opportunity before anything is asked about chats: a chat's alerts are many more
    select entry.* from unnest($1::text[]) as named (opportunity_id)
    join alerts entry using (opportunity_id)
    where entry.kind = 'entry'
),
changing as materialized (
    select entry.alert_id as entry_id, entry.opportunity_id, entry.channel, entry.chat, entry.thread, entry.evidence
    from entries entry
    join chats c using (channel, chat, thread)
    where entry.state in ('sent', 'pending') and entry.digest_id is null
        and entry.channel in ('telegram', 'discord', 'webhook')
        and c.disabled_reason is null and c.loudness ->> 'update' is distinct from 'off'
),
-- locked, so that none of them is sent with the old words while it gets the new ones
waiting as (
    select o.alert_id, older.changes_id
    from changing
    cross join lateral (
        select a.alert_id, a.changes_id from alerts a where a.changes_id = changing.entry_id offset 0
    ) older
    join outbox o on o.alert_id = older.alert_id
    where o.state = 'pending'
    for update of o
),
renewed as (
    update alerts a set facts = coalesce($3, a.facts)
    from waiting
    where a.alert_id = waiting.alert_id
    returning a.alert_id
),
told as (
    insert into alerts (
        kind, opportunity_id, changes_id, channel, chat, thread, created_ms, evidence, facts, is_silent
    )
    select 'update', opportunity_id, entry_id, channel, chat, thread, $2, evidence, coalesce($3, (
        select earlier.facts from alerts earlier
        where earlier.changes_id = entry_id order by earlier.alert_id desc limit 1
    )), true
    from changing
    where entry_id not in (select changes_id from waiting)
    order by entry_id
    returning alert_id, changes_id, channel, chat, thread
),
queued as (
    insert into outbox (alert_id, entry_id, channel, chat, thread, priority, edits)
    select alert_id, changes_id, channel, chat, thread, 2, true from told
    returning alert_id
)
select pg_notify('outbox', '') from (select from queued union all select from renewed) any_of limit 1;
