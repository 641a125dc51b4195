-- name: add_for_owners
-- One notice for every owner who may be written to, unless its kind is off there; once per key.
with told as (
    insert into alerts (kind, dedup_key, channel, chat, thread, created_ms, evidence, facts, is_silent)
    select $1, $2, c.channel, c.chat, c.thread, $3, '', $4, coalesce(c.loudness ->> $1 = 'silent', false)
    from chats c
    where c.role = 'owner' and c.disabled_reason is null and c.loudness ->> $1 is distinct from 'off'
    order by c.created_at, c.channel, c.chat, c.thread
    on conflict (dedup_key, channel, chat, thread) where dedup_key is not null do nothing
    returning alert_id, channel, chat, thread
),
queued as (
    insert into outbox (alert_id, channel, chat, thread, priority)
    select alert_id, channel, chat, thread, 1 from told
    returning alert_id
)
-- tells dispatchers that there is something; sent with the commit
select count(pg_notify('outbox', '')) > 0 from queued;

-- name: add_for_chat
-- One notice for one chat.
with told as (
    insert into alerts (kind, channel, chat, thread, created_ms, evidence, facts)
    values ($1, $2, $3, $4, $5, '', $6)
    returning alert_id, channel, chat, thread
),
queued as (
    insert into outbox (alert_id, channel, chat, thread, priority)
    select alert_id, channel, chat, thread, 1 from told
    returning alert_id
)
select pg_notify('outbox', '') from queued;

-- name: followed
-- Which of these accounts a chat follows.
select distinct address from follows where address = any($1::text[]);

-- name: decided
-- What our rule made of an event. The control's is told to nobody: to show it would publish the draw.
select rejection from decisions where decision_id = $1 and grp = 'loser';

-- name: listed_rank
-- An account's rank on the newest list.
select s.rank
from (select ranking_id from rankings order by as_of_ms desc, created_at desc limit 1) r
join standings s using (ranking_id)
where s.address = $1 and s.is_listed;

-- name: add_for_followers
-- One notice about an account ($5) for every chat that follows it, under that chat's own name for it;
-- muted or in quiet hours it is held. Not for a chat that hears of the same event already: as an entry
-- ($7 its opportunity) or as an exit in this coin ($6) since it began ($8).
-- $1 kind, $2 key, $3 now, $4 facts, $9 how loud by default.
with told as (
    insert into alerts (
        kind, dedup_key, channel, chat, thread, state, held_because, created_ms, evidence, facts, is_silent
    )
    select $1, $2, c.channel, c.chat, c.thread, case when held.because is null then 'pending' else 'held' end,
        held.because, $3, '', jsonb_set($4::jsonb, '{label}', coalesce(to_jsonb(f.label), 'null'::jsonb)),
        coalesce(c.loudness ->> $1, $9) = 'silent'
    from follows f
    join chats c using (channel, chat, thread)
    cross join lateral (
        select case
            when exists (
                select from mutes m
                where m.channel = c.channel and m.chat = c.chat and m.thread = c.thread
                    and m.what in ('all', $6, $5) and m.until_ms > $3
            ) then 'muted'
            when is_quiet(c.quiet_from, c.quiet_until, c.time_zone, $3) then 'quiet'
        end as because
    ) held
    where f.address = $5 and c.disabled_reason is null and c.role in ('owner', 'member')
        and coalesce(c.loudness ->> $1, $9) <> 'off'
        and not exists (
            select from alerts entry
            where entry.opportunity_id = $7 and entry.kind = 'entry' and entry.channel = c.channel
                and entry.chat = c.chat and entry.thread = c.thread
                and (entry.state in ('pending', 'sent', 'unknown') or entry.held_because <> 'off')
        )
        and not exists (
            select from alerts leaving
            join trade_opportunities o using (opportunity_id)
            where leaving.channel = c.channel and leaving.chat = c.chat and leaving.thread = c.thread
                and leaving.created_ms >= $8 and leaving.kind = 'exit' and leaving.state <> 'held'
                and o.loser = $5 and o.coin = $6
        )
    order by c.created_at, c.channel, c.chat, c.thread
    on conflict (dedup_key, channel, chat, thread) where dedup_key is not null do nothing
    returning alert_id, channel, chat, thread, state
),
queued as (
    insert into outbox (alert_id, channel, chat, thread, priority)
    select alert_id, channel, chat, thread, 1 from told where state = 'pending'
    returning alert_id
)
select pg_notify('outbox', '') from queued limit 1;

-- name: waits_longest
-- Of what should be told (changes of messages are in no hurry), what waits longest.
select a.created_ms, a.channel, a.chat, a.thread, a.last_error
from alerts a
where a.state = 'pending' and exists (select from outbox o where o.alert_id = a.alert_id and not o.edits)
order by a.created_ms
limit 1;

-- name: chats_off
-- Chats that a platform switched off, and those that are asked for by name.
select channel, chat, thread, disabled_reason from chats
where disabled_reason is not null
    or channel || ':' || chat || case when thread <> '' then '/' || thread else '' end = any($1::text[]);
