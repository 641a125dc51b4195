-- name: lock
-- One lease at a time: each sees what the one before took, so no target gets two.
select pg_advisory_xact_lock($1);

-- name: lock_to_lease
-- The same, and the commit doesn't wait for the disk: a lease that a crash loses was surely not sent,
-- and "sending", which follows it in the log, does wait.
select pg_advisory_xact_lock($1), set_config('synchronous_commit', 'off', true);

-- name: is_untidy
-- Is there anything to tidy? To ask costs less than to tidy nothing.
select exists (select from outbox where state = 'leased' and lease_until < clock_timestamp())
    or exists (
        select from outbox o
        join alerts entry on entry.alert_id = o.entry_id
        where o.state = 'pending' and entry.state in ('dead', 'expired')
    );

-- name: tidy
-- What a dead dispatcher had leased but surely not begun to send returns to the queue; an exit
-- whose entry ended without being sent has nobody to tell, unless a crowd's message named it.
with run_out as (
    update outbox set state = 'pending', lease_until = null, lease_by = null
    where state = 'leased' and lease_until < clock_timestamp()
),
orphans as (
    select o.alert_id,
        case when a.kind = 'exit' then crowd_naming(a.opportunity_id, a.channel, a.chat, a.thread) end as crowd_id
    from outbox o
    join alerts a using (alert_id)
    join alerts entry on entry.alert_id = o.entry_id
    where o.state = 'pending' and entry.state in ('dead', 'expired')
),
adopted as (
    update outbox o set entry_id = orphans.crowd_id
    from orphans
    where o.alert_id = orphans.alert_id and o.state = 'pending' and orphans.crowd_id is not null
),
pointless as (
    delete from outbox o
    using orphans
    where o.alert_id = orphans.alert_id and o.state = 'pending' and orphans.crowd_id is null
    returning o.alert_id
)
update alerts set state = 'expired', last_error = 'its entry was not sent'
where alert_id in (select alert_id from pointless)
    or (digest_id in (select alert_id from pointless) and state = 'pending');

-- name: lease
-- Take what is due: for every target the one whose turn it is, exits first, then the longest waiting;
-- of a platform no more than it takes now ($5, $6).
with turns as (
    select alert_id, priority, due_at, channel,
        row_number() over (partition by channel order by priority, due_at, alert_id) as nth
    from outbox_turns
    where channel = any($1::text[]) and due_at <= clock_timestamp()
),
due as (
    select alert_id from turns
    left join unnest($5::text[], $6::integer[]) as room (channel, most) using (channel)
    where room.most is null or nth <= room.most
    order by priority, due_at, alert_id
    limit $2
),
-- what a publication is just changing comes next time: to wait for it could be a deadlock
free as (
    select o.alert_id from outbox o
    join due using (alert_id)
    where o.state = 'pending'
    for update of o skip locked
)
update outbox o
set state = 'leased', lease_until = clock_timestamp() + make_interval(secs => $3), lease_by = $4
from free
where o.alert_id = free.alert_id
returning o.alert_id;

-- name: alerts
-- All that the words of these alerts need; an exit answers the message of its entry. What is changed is
-- the entry's own message, never the one that it was merged into.
select a.alert_id, a.kind, a.channel, a.chat, a.thread, a.created_ms, a.expires_ms, a.evidence,
    o.attempts, o.may_have_arrived, o.doubts, o.doubted_ms, o.priority,
    t.opportunity_id, coalesce(t.opportunity, case a.kind when 'test' then a.facts end) as opportunity, a.facts,
    a.is_silent, o.edits,
    t.ended_ms, t.end_reason, t.exit_px, t.gross_bps, t.net_bps, t.held_ms,
    case when o.edits and o.entry_id is distinct from a.changes_id then null
        else coalesce(entry.remote_id, case when not o.edits then merged.remote_id end) end as reply_to,
    (select value from state where key = 'installation') as installation
from alerts a
join outbox o using (alert_id)
left join trade_opportunities t on t.opportunity_id = a.opportunity_id
left join alerts entry on entry.alert_id = o.entry_id
left join alerts merged on merged.alert_id = entry.digest_id
where a.alert_id = any($1::bigint[])
order by o.priority, a.alert_id;

-- name: sending
-- The request is about to go out; no row: the lease was lost.
update outbox set state = 'sending', attempts = attempts + 1
where alert_id = $1 and lease_by = $2 and state = 'leased' and lease_until > clock_timestamp()
returning alert_id;

-- name: sent
-- It arrived, with all that were merged into it: true whatever was thought meanwhile.
with gone as (
    delete from outbox where alert_id = $1 returning attempts
)
update alerts set state = 'sent', sent_ms = $3, last_error = null,
    remote_id = case when alert_id = $1 then $2 end,
    attempts = coalesce((select attempts from gone), attempts)
where (alert_id = $1 and state <> 'sent') or (digest_id = $1 and state in ('pending', 'unknown'));

-- name: finish
-- Its end is known, and it isn't "sent"; of what an earlier try may have brought nobody can say more.
-- What a digest was to tell waits for the next one, until three of them failed (attempts).
with gone as (
    delete from outbox where alert_id = $1 returning attempts, may_have_arrived
),
returned as (
    update alerts a set digest_id = null, attempts = a.attempts + 1
    from gone
    where a.digest_id = $1 and a.state = 'held' and a.attempts < 2
)
update alerts set state = case when gone.may_have_arrived then 'unknown' else $2 end, last_error = $3,
    attempts = gone.attempts
from gone
where alert_id = $1 or (digest_id = $1 and state = 'pending');

-- name: retry
-- Back into the queue, with its place, for later.
with back as (
    update outbox set state = 'pending', lease_until = null, lease_by = null,
        not_before = clock_timestamp() + make_interval(secs => $3),
        may_have_arrived = may_have_arrived or $4::bigint is not null,
        doubts = doubts + ($4 is not null)::integer, doubted_ms = coalesce(doubted_ms, $4)
    where alert_id = $1 and state <> 'pending'
    returning alert_id, attempts
)
update alerts a set last_error = $2, attempts = back.attempts
from back
where a.alert_id = back.alert_id;

-- name: release
-- What was leased and not begun returns to the queue.
update outbox set state = 'pending', lease_until = null, lease_by = null
where lease_by = $1 and state = 'leased';

-- name: recover
-- Sends whose process died: their outcome is unknown. Whoever takes them has as long as a lease.
update outbox
set lease_until = clock_timestamp() + interval '60 seconds', lease_by = 'recovered', may_have_arrived = true
where state = 'sending' and lease_until < clock_timestamp()
returning alert_id;

-- name: hold
-- Nothing to this chat for a while.
insert into target_holds (channel, chat, until)
values ($1, $2, clock_timestamp() + make_interval(secs => $3))
on conflict (channel, chat) do update set until = greatest(target_holds.until, excluded.until);

-- name: rename_reason
-- A chat that is gone is found gone again, in other words: by these the exits that it misses are found
-- when it is back.
with before as (
    select disabled_reason from chats
    where channel = $1 and chat = $2 and thread = $3 and disabled_reason <> $4
    for update
)
update alerts a set last_error = $4
from before
where a.channel = $1 and a.chat = $2 and a.thread = $3 and a.kind = 'exit'
    and a.state in ('dead', 'unknown') and a.last_error = before.disabled_reason;

-- name: disable
-- The chat is gone: no new alerts.
update chats set disabled_reason = $4 where channel = $1 and chat = $2 and thread = $3;

-- name: bury
-- What still waits for a chat that is gone, or ($5) all that is left there; see "finish".
with gone as (
    delete from outbox
    where channel = $1 and chat = $2 and thread = $3 and (state = 'pending' or $5)
    returning alert_id, attempts, may_have_arrived
),
returned as (
    update alerts a set digest_id = null, attempts = a.attempts + 1
    from gone
    where a.digest_id = gone.alert_id and a.state = 'held' and a.attempts < 2
)
update alerts a set state = case when gone.may_have_arrived then 'unknown' else 'dead' end, last_error = $4,
    attempts = gone.attempts
from gone
where a.alert_id = gone.alert_id or (a.digest_id = gone.alert_id and a.state = 'pending');

-- name: moved_chat_exists
-- Somebody already spoke to us from the new chat.
select exists (select from chats where channel = $1 and chat = $2 and thread = $3);

-- name: adopt_role
-- Who spoke from the new chat before the move was heard of is who was decided about already: let in
-- if it still waits, and kept out though an open bot, which didn't know it, let it in.
update chats n set role = o.role
from chats o
where o.channel = $1 and o.chat = $2 and o.thread = $3
    and n.channel = $1 and n.chat = $4 and n.thread = $3
    and (n.role = 'pending' or (n.role = 'member' and o.role = 'declined'))
returning n.role;

-- name: adopt_wishes
-- The new chat keeps its own and takes over what only the old one had; its settings are its own.
with followed as (
    insert into follows (channel, chat, thread, address, label, created_at)
    select channel, $4, thread, address, label, created_at from follows
    where channel = $1 and chat = $2 and thread = $3
    on conflict do nothing
),
muted as (
    insert into mutes (channel, chat, thread, what, until_ms)
    select channel, $4, thread, what, until_ms from mutes
    where channel = $1 and chat = $2 and thread = $3
    on conflict do nothing
)
insert into subscriptions (channel, chat, thread, coin, min_usd, min_badness, side)
select channel, $4, thread, coin, min_usd, min_badness, side from subscriptions
where channel = $1 and chat = $2 and thread = $3
on conflict do nothing;

-- name: drop_chat
-- The old chat is no more.
delete from chats where channel = $1 and chat = $2 and thread = $3;

-- name: move_chat
-- The chat under its new id; its subscriptions follow.
update chats set chat = $4 where channel = $1 and chat = $2 and thread = $3
returning role;

-- name: move_alerts
-- Exits follow those who were told to enter; ids of messages in the old chat mean nothing in the new.
update alerts a set chat = $4, remote_id = null
where a.channel = $1 and a.chat = $2 and a.thread = $3
    and not exists (
        select from alerts b
        where b.opportunity_id = a.opportunity_id and b.kind = a.kind and b.kind in ('entry', 'exit')
            and b.channel = a.channel and b.chat = $4 and b.thread = a.thread
    )
    and not exists (
        select from alerts b
        where b.dedup_key = a.dedup_key and b.channel = a.channel and b.chat = $4 and b.thread = a.thread
    );

-- name: move_queue
-- What waits follows. What is being sent stays so unless the new chat has something on its way,
-- which it then waits behind.
update outbox o set chat = $4,
    state = case when busy.alert_id is null and o.state = 'sending' then 'sending' else 'pending' end,
    lease_until = case when busy.alert_id is null and o.state = 'sending' then o.lease_until end,
    lease_by = case when busy.alert_id is null and o.state = 'sending' then o.lease_by end
from alerts a
left join outbox busy on busy.channel = $1 and busy.chat = $4 and busy.thread = $3 and busy.state <> 'pending'
where o.channel = $1 and o.chat = $2 and o.thread = $3 and a.alert_id = o.alert_id and a.chat = $4;

-- name: next_due
-- Seconds until something becomes due: a turn, or the end of a lease.
select extract(epoch from least(
    (select min(due_at) from outbox_turns where channel = any($1::text[])),
    (select min(lease_until) from outbox where state <> 'pending')
) - clock_timestamp())::double precision;

-- name: add_test
-- A marked rehearsal alert.
with told as (
    insert into alerts (kind, channel, chat, thread, created_ms, evidence, facts)
    values ('test', $1, $2, $3, $4, '', $5)
    returning alert_id, channel, chat, thread
)
insert into outbox (alert_id, channel, chat, thread, priority)
select alert_id, channel, chat, thread, 1 from told
returning alert_id;

-- name: states
-- What became of these alerts; pending until the end is known.
select alert_id, state, last_error from alerts where alert_id = any($1::bigint[]);

-- name: backlogs
-- Targets for which more than one entry waits.
select o.channel, o.chat, o.thread, count(*) as entries, min(a.expires_ms) as expires_ms
from outbox o
join alerts a using (alert_id)
where o.state = 'pending' and a.kind = 'entry' and not o.may_have_arrived and o.channel = any($1::text[])
group by o.channel, o.chat, o.thread
having count(*) > 1;

-- name: merged_waiting
-- A message of merged entries that surely nobody has seen takes more of them: the last, since one that
-- was on its way meanwhile may have returned to its place before it. Locked, so that it isn't buried
-- meanwhile.
select o.alert_id from outbox o
join alerts a using (alert_id)
where o.channel = $1 and o.chat = $2 and o.thread = $3 and o.state = 'pending' and a.kind = 'merged'
    and not o.may_have_arrived
order by o.alert_id desc
limit 1
for update of o skip locked;

-- name: add_merged
-- A message for several entries; which ones, these tell (digest_id).
insert into alerts (kind, channel, chat, thread, created_ms, evidence, facts)
values ('merged', $1, $2, $3, $4, '', '{"lines": []}')
returning alert_id;

-- name: queue_merged
-- It waits its turn like any entry.
insert into outbox (alert_id, channel, chat, thread, priority) values ($4, $1, $2, $3, 1);

-- name: surplus
-- All waiting entries of a target but the first $4. What came after a message that waits already ($5)
-- joins it whole: else its last would be told before its first. What a publication is just changing
-- stays out, since to wait for it could be a deadlock; the rest is locked in the order of writing.
with waiting as (
    select o.alert_id, row_number() over (order by o.priority, o.alert_id) as nth from outbox o
    join alerts a using (alert_id)
    where o.channel = $1 and o.chat = $2 and o.thread = $3
        and o.state = 'pending' and a.kind = 'entry' and not o.may_have_arrived
),
surplus as (
    select alert_id from waiting where nth > $4 or alert_id > $5::bigint
)
select o.alert_id, a.expires_ms, a.is_silent
from outbox o
join alerts a using (alert_id)
where o.alert_id in (select alert_id from surplus) and o.state = 'pending' and not o.may_have_arrived
order by o.alert_id
for update of o skip locked
for no key update of a skip locked;

-- name: merge
-- These ($2) share the fate of one message ($1) from now on.
with gone as (
    delete from outbox where alert_id = any($2::bigint[])
    returning alert_id
)
update alerts a set digest_id = $1, last_error = 'merged: this chat takes no more'
from gone where a.alert_id = gone.alert_id;

-- name: amend_merged
-- It is worth sending as long as any of its entries, and as loud as the loudest.
update alerts set expires_ms = greatest(expires_ms, $2), is_silent = $3 and (is_silent or expires_ms is null)
where alert_id = $1;

-- name: merged_lines
-- What a message of merged entries tells, the newest first.
select t.opportunity, t.net_bps, t.end_reason
from alerts a
join trade_opportunities t using (opportunity_id)
where a.digest_id = $1
order by a.alert_id desc;
