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
