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
