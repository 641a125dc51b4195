-- name: chat
-- One chat.
select channel, chat, thread, role, title, disabled_reason, asked_by,
    loudness, quiet_from, quiet_until, time_zone, hourly_cap, digest, digest_hour
from chats
where channel = $1 and chat = $2 and thread = $3;

-- name: subscriptions
-- What one chat wants, all coins first.
select coin, min_usd, min_badness, side from subscriptions
where channel = $1 and chat = $2 and thread = $3
order by coin nulls first;

-- name: add
-- A chat that spoke to us; a known one keeps its role.
insert into chats (channel, chat, thread, role, title) values ($1, $2, $3, $4, $5)
on conflict (channel, chat, thread) do update set title = excluded.title;

-- name: set_role
-- What a chat may do from now on; a group's topics, a channel's threads go in and out with it.
update chats set role = $4
where channel = $1
    and (
        (chat = $2 and thread = $3)
        or ((chat = $2 or within = $2) and $3 = '' and role <> 'owner' and $4 in ('member', 'declined'))
    );

-- name: enable
-- The chat is there again. Exits that it missed meanwhile are told now, where it was told to enter;
-- not those of more than a day ago: the entry itself said that it is over by now.
with off as (
    select channel, chat, thread, disabled_reason from chats
    where channel = $1 and chat = $2 and thread = $3 and disabled_reason is not null
    for update
),
back as (
    update chats c set disabled_reason = null
    from off
    where c.channel = off.channel and c.chat = off.chat and c.thread = off.thread
),
missed as (
    select e.alert_id, e.state = 'unknown' as may_have_arrived,
        case when entry.state in ('sent', 'unknown') then entry.alert_id
            else crowd_naming(e.opportunity_id, e.channel, e.chat, e.thread) end as entry_id
    from off
    join alerts e using (channel, chat, thread)
    join alerts entry on entry.opportunity_id = e.opportunity_id and entry.channel = e.channel
        and entry.chat = e.chat and entry.thread = e.thread and entry.kind = 'entry'
    where e.kind = 'exit' and e.state in ('dead', 'unknown') and e.last_error = off.disabled_reason
        and e.created_ms > extract(epoch from clock_timestamp()) * 1000 - 86400000
),
told as (
    update alerts a set state = 'pending', last_error = null
    from missed m
    where a.alert_id = m.alert_id and m.entry_id is not null
    returning a.alert_id, a.channel, a.chat, a.thread, m.entry_id, m.may_have_arrived
),
queued as (
    insert into outbox (alert_id, entry_id, channel, chat, thread, priority, may_have_arrived)
    select alert_id, entry_id, channel, chat, thread, 0, may_have_arrived from told
    order by alert_id
    returning alert_id
)
select pg_notify('outbox', '') from queued limit 1;

-- name: subscribe
-- One coin (null: all); again: other filters.
insert into subscriptions (channel, chat, thread, coin, min_usd, min_badness, side)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (channel, chat, thread, coalesce(coin, '')) do update set
    min_usd = excluded.min_usd, min_badness = excluded.min_badness, side = excluded.side;

-- name: unsubscribe
-- One coin's subscription, or all of them (null).
delete from subscriptions
where channel = $1 and chat = $2 and thread = $3 and ($4::text is null or coin = $4);

-- name: owners
-- Who may decide; the terminal, which always may, is not among them.
select channel, chat, thread, role, title, disabled_reason, asked_by,
    loudness, quiet_from, quiet_until, time_zone, hourly_cap, digest, digest_hour
from chats
where role = 'owner' and channel <> 'console'
order by created_at, channel, chat, thread;

-- name: forget_codes
-- A new code replaces those that nobody used.
delete from owner_codes where used_at is null;

-- name: add_code
-- Only the code's hash is kept.
insert into owner_codes (code_hash) values ($1);

-- name: use_code
-- A code works once: no row means wrong or used.
update owner_codes set used_at = now(), used_by = $2 where code_hash = $1 and used_at is null
returning code_hash;

-- name: make_owner
-- The chat that knew the code.
insert into chats (channel, chat, thread, role, title) values ($1, $2, $3, 'owner', $4)
on conflict (channel, chat, thread) do update set role = 'owner', title = excluded.title;

-- name: reachable
-- Every chat that may be written to, the terminal included.
select channel, chat, thread, role, title, disabled_reason, asked_by,
    loudness, quiet_from, quiet_until, time_zone, hourly_cap, digest, digest_hour
from chats
where role in ('owner', 'member') and disabled_reason is null
order by created_at, channel, chat, thread;

-- name: pending
-- Who waits to be let in, the longest first.
select channel, chat, thread, role, title, disabled_reason, asked_by,
    loudness, quiet_from, quiet_until, time_zone, hourly_cap, digest, digest_hour
from chats
where role = 'pending'
order by created_at, channel, chat, thread;

-- name: asked
-- Who asked for a chat to be let in.
update chats set asked_by = $4 where channel = $1 and chat = $2 and thread = $3;

-- name: within
-- Which channel a thread is in. Heard of only now it is turned out, if its channel was meanwhile.
update chats c set within = $4,
    role = case
        when c.role in ('member', 'pending') and exists (
            select from chats place
            where place.channel = $1 and place.chat = $4 and place.thread = '' and place.role = 'declined'
        ) then 'declined' else c.role
    end
where c.channel = $1 and c.chat = $2 and c.thread = $3 and c.within is distinct from $4
returning c.role;

-- name: forget_queue
-- What still waits for a chat that wants to be forgotten.
delete from outbox where channel = $1 and chat = $2 and thread = $3;

-- name: forget_waiting
-- It is never sent; what is just being sent may still arrive, and is marked so then.
update alerts set state = 'dead', last_error = 'the chat left'
where channel = $1 and chat = $2 and thread = $3 and state = 'pending';

-- name: forget_notices
-- What was about the chat's own wishes: names it gave, what it followed, its digests. Of alerts about
-- opportunities the bare row stays: when what was sent to which id, and what became of it. What was
-- held back was not sent: with the digest gone that told it, it would be told anew if the chat returns.
delete from alerts
where channel = $1 and chat = $2 and thread = $3 and (opportunity_id is null or state = 'held');

-- name: forget_title
-- Its name in what owners were asked.
update alerts set facts = facts || '{"title": "", "asked_by": null}'
where kind = 'request' and facts ->> 'target' = $1;

-- name: silence
-- What still waits for a chat that was turned out, and for those of its topics and threads that were it
-- too, as an owner's isn't: nothing, but for exits.
with gone as (
    delete from outbox o using alerts a, chats c
    where a.alert_id = o.alert_id and a.kind <> 'exit'
        and c.channel = o.channel and c.chat = o.chat and c.thread = o.thread and c.role = 'declined'
        and c.channel = $1
        and ((c.chat = $2 and c.thread = $3) or ($3 = '' and (c.chat = $2 or c.within = $2)))
        and o.state = 'pending' and not o.may_have_arrived
    returning o.alert_id
)
update alerts a set state = 'expired', last_error = 'an owner turned this chat out'
from gone
where a.alert_id = gone.alert_id or (a.digest_id = gone.alert_id and a.state = 'pending');

-- name: forget
-- A chat that wants to be forgotten: subscriptions, follows, mutes and settings go with it.
delete from chats where channel = $1 and chat = $2 and thread = $3
returning role;
