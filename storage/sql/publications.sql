-- name: lock
-- One writer at a time (live and rehearsal apart): they touch the same rows in different orders.
select pg_advisory_xact_lock($1, $2);

-- name: put_events
-- Events, written again as they grow: the newest version of an id counts.
insert into position_events (event_id, is_rehearsal, account, coin, kind, time_ms, event)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (event_id) do update set kind = excluded.kind, event = excluded.event
where position_events.event is distinct from excluded.event;

-- name: put_decision
-- A rejection may still become a publication; a publication never changes.
insert into decisions (decision_id, grp, is_rehearsal, account, coin, kind, decided_ms, rejection, decision)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (decision_id) do update set
    kind = excluded.kind, decided_ms = excluded.decided_ms, rejection = excluded.rejection,
    decision = excluded.decision
where decisions.rejection is not null;

-- name: add_opportunity
-- Published once: a second try returns no row.
insert into trade_opportunities (
    opportunity_id, grp, is_rehearsal, rule_version, loser, coin, side, published_ms, expires_ms,
    reference_px, notional_usd, badness, opportunity
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict (opportunity_id) do nothing
returning opportunity_id;

-- name: widen
-- Best and worst seen so far.
update trade_opportunities set best_bps = greatest(best_bps, $2), worst_bps = least(worst_bps, $3)
where opportunity_id = $1;

-- name: end_opportunity
-- Ended once: a second try returns no row. Tells what the ledger and the alerts need.
update trade_opportunities set
    ended_ms = $2, end_reason = $3, exit_px = $4, gross_bps = $5, net_bps = $6, held_ms = $7
where opportunity_id = $1 and ended_ms is null
returning opportunity_id, grp, is_rehearsal, rule_version;

-- name: add_entry_alerts
-- One alert for every chat that wants these opportunities, in their order: enabled chats of owners
-- and members with a subscription that fits; a rehearsal and the control are for nobody.
with told as (
    insert into alerts (kind, opportunity_id, channel, chat, thread, created_ms, expires_ms, evidence)
    select 'entry', o.opportunity_id, c.channel, c.chat, c.thread, $2, o.expires_ms, $3
    from unnest($1::text[]) with ordinality as wanted (opportunity_id, nth)
    join trade_opportunities o using (opportunity_id)
    join chats c on c.disabled_reason is null and c.role in ('owner', 'member')
    where o.grp = 'loser' and not o.is_rehearsal and exists (
        select from subscriptions s
        where s.channel = c.channel and s.chat = c.chat and s.thread = c.thread
            and (s.coin is null or s.coin = o.coin)
            and o.notional_usd >= s.min_usd
            and (s.min_badness = 0 or o.badness >= s.min_badness)
    )
    order by wanted.nth, c.created_at, c.channel, c.chat, c.thread
    on conflict (opportunity_id, kind, channel, chat, thread) do nothing
    returning alert_id, channel, chat, thread
),
queued as (
    insert into outbox (alert_id, channel, chat, thread, priority)
    select alert_id, channel, chat, thread, 1 from told
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
-- on its way (its exit waits behind it). A chat that was switched off since gets a row that says so.
with told as (
    insert into alerts (kind, opportunity_id, channel, chat, thread, state, created_ms, evidence, last_error)
    select 'exit', entry.opportunity_id, entry.channel, entry.chat, entry.thread,
        case when c.disabled_reason is null then 'pending' else 'dead' end,
        $2, $3, c.disabled_reason
    from unnest($1::text[]) with ordinality as wanted (opportunity_id, nth)
    join alerts entry using (opportunity_id)
    -- a chat that left for good is told nothing more
    join chats c on c.channel = entry.channel and c.chat = entry.chat and c.thread = entry.thread
    where entry.kind = 'entry' and entry.state in ('sent', 'unknown', 'pending')
    order by wanted.nth, entry.alert_id
    on conflict (opportunity_id, kind, channel, chat, thread) do nothing
    returning alert_id, opportunity_id, channel, chat, thread, state
),
queued as (
    insert into outbox (alert_id, entry_id, channel, chat, thread, priority)
    select t.alert_id, entry.alert_id, t.channel, t.chat, t.thread, 0
    from told t
    join alerts entry using (opportunity_id, channel, chat, thread)
    where t.state = 'pending' and entry.kind = 'entry'
    returning alert_id
)
select pg_notify('outbox', '') from queued limit 1;

-- name: wake
-- Tells dispatchers that there is something; sent with the commit.
select pg_notify('outbox', '');

-- name: put_position
-- What an account holds in one coin; an older report never replaces a newer one.
insert into positions as p (is_rehearsal, account, coin, szi, entry_px, updated_ms) values ($1, $2, $3, $4, $5, $6)
on conflict (is_rehearsal, account, coin) do update set
    szi = excluded.szi, entry_px = excluded.entry_px, updated_ms = excluded.updated_ms
where p.updated_ms <= excluded.updated_ms;

-- name: close_absent
-- What a whole report doesn't name is closed.
update positions set szi = 0, entry_px = null, updated_ms = $3
where not is_rehearsal and account = $1 and coin <> all($2::text[]) and updated_ms <= $3 and szi <> 0;

-- name: seen
-- When all positions of an account were last reported.
update traders set positions_as_of_ms = $2
where address = $1 and coalesce(positions_as_of_ms, 0) < $2;

-- name: is_seen
-- Whether an account's positions are known, none of them included.
select exists (select from traders where address = $1 and positions_as_of_ms is not null)
    or exists (select from positions where not is_rehearsal and account = $1);

-- name: last_positions
-- What an account holds or held; a zero tells until when its fills are in it.
select coin, szi, entry_px, updated_ms from positions
where not is_rehearsal and account = $1
order by coin;

-- name: positions
-- What an account holds, as last known.
select coin, szi, entry_px, updated_ms from positions
where is_rehearsal = $2 and account = $1 and szi <> 0
order by coin;

-- name: live
-- Opportunities without an ending, oldest first.
select opportunity, best_bps, worst_bps from trade_opportunities
where is_rehearsal = $1 and ended_ms is null
order by published_ms, opportunity_id;

-- name: add_sample
-- A price at a fixed moment; a missing one may be found later, a found one stays.
insert into price_samples as p (opportunity_id, offset_ms, px, sampled_ms) values ($1, $2, $3, $4)
on conflict (opportunity_id, offset_ms) do update set px = excluded.px, sampled_ms = excluded.sampled_ms
where p.px is null;

-- name: samples
-- The prices known of opportunities published since a moment.
select s.opportunity_id, s.offset_ms, s.px, s.sampled_ms
from price_samples s
join trade_opportunities o using (opportunity_id)
where o.is_rehearsal = $2 and o.published_ms >= $1
order by o.published_ms, s.opportunity_id, s.offset_ms;

-- name: put_outcome
-- A result; scoring again replaces it.
insert into outcomes (opportunity_id, horizon, delay_ms, gross_bps, cost_bps, funding_bps, net_bps)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (opportunity_id, horizon, delay_ms) do update set
    gross_bps = excluded.gross_bps, cost_bps = excluded.cost_bps, funding_bps = excluded.funding_bps,
    net_bps = excluded.net_bps;

-- name: entries_since
-- Published decisions and rejected entries since a moment, oldest first.
select decision from decisions
where is_rehearsal = $3 and decided_ms >= $1 and grp = $2
    and (rejection is null or kind in ('open', 'flip', 'increase'))
order by decided_ms, decision_id;
