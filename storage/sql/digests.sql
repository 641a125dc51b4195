-- name: begin
-- The time of a regular digest begins when the chat first wants one, and ends when it doesn't any more.
update chats set digested_ms = case when digest = 'off' then null else $1::bigint end
where (digest = 'off') = (digested_ms is not null);

-- name: chats
-- Who may have a digest due: who wants one, and of whom quiet hours or a cap held something back. One
-- that failed is no reason to hurry with the next: for an hour after it ($1 now) nothing is due.
select c.channel, c.chat, c.thread, c.loudness, c.quiet_from, c.quiet_until, c.time_zone, c.hourly_cap,
    c.digest, c.digest_hour, c.digested_ms, held.quiet_ms, held.capped_ms
from chats c
left join (
    select channel, chat, thread,
        min(created_ms) filter (where held_because = 'quiet') as quiet_ms,
        min(created_ms) filter (where held_because = 'cap') as capped_ms
    from alerts
    where state = 'held' and digest_id is null and held_because in ('quiet', 'cap')
    group by channel, chat, thread
) held on held.channel = c.channel and held.chat = c.chat and held.thread = c.thread and not exists (
    select from alerts d
    where d.channel = c.channel and d.chat = c.chat and d.thread = c.thread and d.kind = 'digest'
        and d.created_ms > $1::bigint - 3600000 and d.state in ('dead', 'expired', 'unknown')
)
where c.disabled_reason is null and c.role in ('owner', 'member')
    and (c.digest <> 'off' or held.channel is not null)
order by c.created_at, c.channel, c.chat, c.thread;

-- name: published
-- What was published, by everybody's measure.
select count(*) from trade_opportunities
where not is_rehearsal and grp = 'loser' and published_ms > $1 and published_ms <= $2;

-- name: results
-- How what ended did, beside the control; nothing lives for longer than $3 ms.
select grp, count(*) as ended, count(net_bps) as known, count(*) filter (where net_bps > 0) as wins,
    avg(net_bps) as mean_net_bps
from trade_opportunities
where not is_rehearsal and published_ms > $1 - $3::bigint and published_ms <= $2
    and ended_ms > $1 and ended_ms <= $2
group by grp;

-- name: counts
-- What this chat got, and what should have come and didn't.
select count(*) filter (where state in ('sent', 'unknown')) as told,
    count(*) filter (where state in ('dead', 'expired')) as undelivered,
    (select c.time_zone from chats c where c.channel = $1 and c.chat = $2 and c.thread = $3) as time_zone
from alerts
where channel = $1 and chat = $2 and thread = $3 and created_ms > $4 and created_ms <= $5 and kind = 'entry';

-- name: held
-- What was held back and isn't told yet, the newest first. Where the chat wants no digest ($5 false)
-- only what quiet hours or the cap held: what it muted or turned off it doesn't want to hear.
select a.alert_id, a.kind, a.held_because, a.facts, o.opportunity, o.net_bps, o.end_reason
from alerts a
left join trade_opportunities o using (opportunity_id)
where a.channel = $1 and a.chat = $2 and a.thread = $3 and a.state = 'held' and a.digest_id is null
    and a.created_ms <= $4 and a.kind in ('entry', 'follow', 'list')
    and ($5 or a.held_because in ('quiet', 'cap'))
order by a.created_ms desc, a.alert_id desc;

-- name: told
-- What this chat was told and has ended, by its result, the best first.
select o.opportunity, o.net_bps, o.end_reason
from alerts a
join trade_opportunities o using (opportunity_id)
where a.channel = $1 and a.chat = $2 and a.thread = $3 and a.created_ms > $4 and a.created_ms <= $5
    and a.kind = 'entry' and a.state in ('sent', 'unknown') and o.net_bps is not null
order by o.net_bps desc, o.opportunity_id;

-- name: head
-- The ledger's end.
select n, hash from ledger order by n desc limit 1;

-- name: add
-- The digest itself, once for its time; it disturbs nobody's quiet hours.
with told as (
    insert into alerts (kind, dedup_key, channel, chat, thread, created_ms, evidence, facts, is_silent)
    select 'digest', $4, c.channel, c.chat, c.thread, $5, $6, $7,
        is_quiet(c.quiet_from, c.quiet_until, c.time_zone, $5)
    from chats c
    where c.channel = $1 and c.chat = $2 and c.thread = $3
    on conflict (dedup_key, channel, chat, thread) where dedup_key is not null do nothing
    returning alert_id, channel, chat, thread
),
queued as (
    insert into outbox (alert_id, channel, chat, thread, priority)
    select alert_id, channel, chat, thread, 1 from told
    returning alert_id
)
select alert_id, pg_notify('outbox', '') from queued;

-- name: tell_held
-- These are told now.
update alerts set digest_id = $1 where alert_id = any($2::bigint[]);

-- name: digested
-- Up to when a chat's regular digests tell.
update chats set digested_ms = $4 where channel = $1 and chat = $2 and thread = $3 and digest <> 'off';
