-- name: newest
-- The last crowd on one side of a coin.
select crowd_id, since_ms, members from crowds
where coin = $1 and side = $2
order by since_ms desc
limit 1;

-- name: live
-- What is live on one side of a coin, the oldest first; a rehearsal and the control are nobody's crowd.
select opportunity from trade_opportunities
where not is_rehearsal and ended_ms is null and grp = 'loser' and coin = $1 and side = $2
order by published_ms, opportunity_id;

-- name: gathering
-- The same of late ($3 to $4, ms), if they are of enough ($5) losers to be a crowd: one loser's many
-- opportunities aren't even read.
with lately as (
    select loser, opportunity, published_ms, opportunity_id from trade_opportunities
    where not is_rehearsal and ended_ms is null and grp = 'loser' and coin = $1 and side = $2
        and published_ms between $3 and $4
)
select opportunity from lately
where (select count(distinct loser) from lately) >= $5
order by published_ms, opportunity_id;

-- name: put
-- A crowd as it is now.
insert into crowds (crowd_id, coin, side, since_ms, members) values ($1, $2, $3, $4, $5)
on conflict (crowd_id) do update set members = excluded.members;

-- name: of
-- The crowds of these opportunities; a crowd takes members for so long ($2, ms).
select distinct c.crowd_id, c.coin, c.side, c.since_ms, c.members
from trade_opportunities o
join crowds c on c.coin = o.coin and c.side = o.side
    and c.since_ms between o.published_ms - $2 and o.published_ms and o.opportunity_id = any(c.members)
where o.opportunity_id = any($1::text[]);

-- name: members
-- A crowd's members with what became of them, in its own order.
select o.opportunity_id, o.opportunity, o.ended_ms, o.end_reason, o.exit_px, o.gross_bps, o.net_bps, o.held_ms
from unnest($1::text[]) with ordinality as m (opportunity_id, nth)
join trade_opportunities o using (opportunity_id)
order by m.nth;

-- name: add_alerts
-- One message about a crowd for every chat that wants this coin and side, by what the crowd weighs
-- as a whole: new where it isn't told yet, else a change of the message that told it. Its members'
-- entries are told in it: they share its fate, and their exits answer it. Where it is muted, in quiet
-- hours, above the cap, switched off or can't be changed, members come as entries of their own.
-- $1 crowd, $2 now, $3 evidence, $4 facts, $5 coin, $6 side, $7 USD, $8 badness, $9 members, $10 expiry.
with known as (
    select alert_id, channel, chat, thread, state from alerts
    where dedup_key = $1 and state in ('pending', 'sent', 'unknown')
),
listeners as (
    select c.channel, c.chat, c.thread, c.created_at, known.alert_id as known_id,
        coalesce(c.loudness ->> 'crowd' = 'silent', false) as is_silent
    from chats c
    left join known using (channel, chat, thread)
    where c.disabled_reason is null and c.role in ('owner', 'member')
        and c.loudness ->> 'crowd' is distinct from 'off'
        and exists (
            select from subscriptions s
            where s.channel = c.channel and s.chat = c.chat and s.thread = c.thread
                and (s.coin is null or s.coin = $5) and (s.side is null or s.side = $6)
                and $7 >= s.min_usd and (s.min_badness = 0 or $8 >= s.min_badness)
        )
        and (known.alert_id is null or (c.channel in ('telegram', 'discord') and known.state <> 'unknown'))
        and not exists (
            select from mutes m
            where m.channel = c.channel and m.chat = c.chat and m.thread = c.thread
                and m.what in ('all', $5) and m.until_ms > $2
        )
        and not is_quiet(c.quiet_from, c.quiet_until, c.time_zone, $2)
        and (known.alert_id is not null or c.hourly_cap is null or c.hourly_cap > (
            select count(*) from capped_messages m
            where m.channel = c.channel and m.chat = c.chat and m.thread = c.thread
                and m.created_ms > $2 - 3600000
        ))
),
-- what still waits to say something older says this instead; locked, so that it isn't sent meanwhile
waiting as (
    select o.alert_id
    from outbox o
    where o.state = 'pending' and not o.may_have_arrived and o.alert_id in (
        select known_id from listeners
        union all
        select a.alert_id from alerts a join listeners l on a.changes_id = l.known_id
    )
    for update
),
renewed as (
    update alerts a set facts = $4
    from waiting
    where a.alert_id = waiting.alert_id
    returning a.alert_id, a.channel, a.chat, a.thread
),
told as (
    insert into alerts (
        kind, dedup_key, changes_id, channel, chat, thread, created_ms, expires_ms, evidence, facts, is_silent
    )
    select 'crowd', case when l.known_id is null then $1 end, l.known_id,
        l.channel, l.chat, l.thread, $2, $10, $3, $4, l.is_silent or l.known_id is not null
    from listeners l
    where not exists (
        select from renewed r where r.channel = l.channel and r.chat = l.chat and r.thread = l.thread
    )
    order by l.created_at, l.channel, l.chat, l.thread
    on conflict (dedup_key, channel, chat, thread) where dedup_key is not null do nothing
    returning alert_id, changes_id, channel, chat, thread
),
queued as (
    insert into outbox (alert_id, entry_id, channel, chat, thread, priority, edits)
    select alert_id, changes_id, channel, chat, thread,
        case when changes_id is null then 1 else 2 end, changes_id is not null
    from told
    returning alert_id
),
-- what still waits to be told by itself is told in it
absorbed as (
    delete from outbox o using alerts a
    where a.alert_id = o.alert_id and a.kind = 'entry' and a.opportunity_id = any($9::text[])
        and o.state = 'pending' and not o.may_have_arrived
        and (o.channel, o.chat, o.thread) in (
            select channel, chat, thread from told
            union all
            select channel, chat, thread from renewed
        )
    returning o.alert_id
),
together as (
    insert into alerts (
        kind, opportunity_id, digest_id, channel, chat, thread, created_ms, expires_ms, evidence
    )
    select 'entry', o.opportunity_id, t.alert_id, t.channel, t.chat, t.thread, $2, o.expires_ms, $3
    from (
        -- the first of several that wait to say it: one that failed may be among them
        select distinct on (channel, chat, thread) alert_id, channel, chat, thread
        from (
            select alert_id, channel, chat, thread from told
            union all
            select alert_id, channel, chat, thread from renewed
        ) any_of
        order by channel, chat, thread, alert_id
    ) t
    cross join trade_opportunities o
    where o.opportunity_id = any($9::text[]) and o.ended_ms is null
    on conflict (opportunity_id, channel, chat, thread, kind) where kind in ('entry', 'exit') do update
    set state = 'pending', held_because = null, last_error = null, digest_id = excluded.digest_id
    where alerts.state in ('held', 'dead', 'expired') or alerts.alert_id in (select alert_id from absorbed)
)
select pg_notify('outbox', '') from (select from queued union all select from renewed) any_of limit 1;

-- name: change_alerts
-- Every message about a crowd says how it is now ($2): that still waits, and where it can be changed.
with known as (
    select a.alert_id, a.channel, a.chat, a.thread, a.evidence,
        a.channel in ('telegram', 'discord') and c.loudness ->> 'update' is distinct from 'off' as is_changed
    from alerts a
    join chats c using (channel, chat, thread)
    where a.dedup_key = $1 and a.state in ('pending', 'sent') and c.disabled_reason is null
),
waiting as (
    select o.alert_id
    from outbox o
    where o.state = 'pending' and not o.may_have_arrived and o.alert_id in (
        select alert_id from known
        union all
        select a.alert_id from alerts a join known k on a.changes_id = k.alert_id
    )
    for update
),
renewed as (
    update alerts a set facts = $2
    from waiting
    where a.alert_id = waiting.alert_id
    returning a.channel, a.chat, a.thread
),
told as (
    insert into alerts (kind, changes_id, channel, chat, thread, created_ms, evidence, facts, is_silent)
    select 'crowd', k.alert_id, k.channel, k.chat, k.thread, $3, k.evidence, $2, true
    from known k
    where k.is_changed and not exists (
        select from renewed r where r.channel = k.channel and r.chat = k.chat and r.thread = k.thread
    )
    order by k.alert_id
    returning alert_id, changes_id, channel, chat, thread
),
queued as (
    insert into outbox (alert_id, entry_id, channel, chat, thread, priority, edits)
    select alert_id, changes_id, channel, chat, thread, 2, true from told
    returning alert_id
)
select pg_notify('outbox', '') from (select from queued union all select from renewed) any_of limit 1;
