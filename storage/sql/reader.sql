-- name: scored
-- Opportunities of one group, ended and live, oldest first; null: no filter.
select opportunity_id, opportunity, best_bps, worst_bps, ended_ms, end_reason, exit_px, gross_bps,
    net_bps, held_ms
from trade_opportunities
where is_rehearsal = $1 and grp = $2
    and published_ms >= $3
    and ($4::text is null or coin = $4)
    and ($5::text is null or loser = $5)
order by published_ms, opportunity_id;

-- name: outcomes
-- The results of the same opportunities.
select o.opportunity_id, o.horizon, o.delay_ms, o.gross_bps, o.cost_bps, o.funding_bps, o.net_bps
from outcomes o
join trade_opportunities t using (opportunity_id)
where t.is_rehearsal = $1 and t.grp = $2
    and t.published_ms >= $3
    and ($4::text is null or t.coin = $4)
    and ($5::text is null or t.loser = $5)
order by o.opportunity_id, o.delay_ms, o.horizon;

-- name: decisions
-- What was decided, newest first, after the row of one decision ($4, null: from the newest).
select decision from decisions
where is_rehearsal = $5
    and ($1::text is null or coin = $1)
    and ($2::text is null or account = $2)
    and ($4::text is null or (decided_ms, decision_id) < (
        select decided_ms, decision_id from decisions where decision_id = $4
    ))
order by decided_ms desc, decision_id desc
limit $3;

-- name: crowd
-- The positions of those on the newest list, by coin, at the coin's last known price.
with listed as (
    select s.address
    from (select ranking_id from rankings order by as_of_ms desc, created_at desc limit 1) r
    join standings s using (ranking_id)
    where s.is_listed
),
held as (
    select p.coin, p.szi, p.entry_px
    from positions p
    join listed l on l.address = p.account
    where not p.is_rehearsal and p.szi <> 0 and ($1::text is null or p.coin = $1)
),
-- the newest candle's close; before there is one, what the holders paid
prices as (
    select c.coin, coalesce(
        (select b.close from bars b where b.coin = c.coin order by b.open_ms desc limit 1),
        c.entry_px
    ) as px
    from (select coin, avg(entry_px)::double precision as entry_px from held group by coin) c
)
select h.coin,
    count(*) filter (where h.szi > 0) as long_count,
    count(*) filter (where h.szi < 0) as short_count,
    coalesce(sum(h.szi::double precision * p.px) filter (where h.szi > 0), 0) as long_usd,
    coalesce(sum(-h.szi::double precision * p.px) filter (where h.szi < 0), 0) as short_usd
from held h
join prices p using (coin)
group by h.coin
order by h.coin;

-- name: delivery_counts
-- Alerts by what became of them; those in the queue by where they are.
select coalesce(o.state, a.state) as state, count(*) as n
from alerts a
left join outbox o using (alert_id)
group by 1;

-- name: oldest_pending
-- Since when the oldest undelivered alert waits.
select min(created_ms) from alerts where state = 'pending';

-- name: request_counts
-- Requests and failures since a moment.
select count(*) as requests, count(*) filter (where is_failure) as failed
from api_logs where logged_ms >= $1;

-- name: totals
-- What there is; rehearsals and tests left out.
select
    (select count(*) from traders) as accounts,
    (select count(*) from traders where refined_ms is not null) as refined,
    (select count(*) from trade_opportunities where grp = 'loser' and not is_rehearsal) as published,
    (
        select count(*) from alerts a
        join trade_opportunities o using (opportunity_id)
        where a.state in ('dead', 'expired', 'unknown') and a.kind in ('entry', 'exit') and not o.is_rehearsal
    ) as undelivered,
    (
        select coalesce(sum(c.reltuples), 0)::bigint
        from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'fills'::regclass and c.reltuples > 0
    ) as fills_estimated;

-- name: count_fills
-- Exact, and slow when there are many.
select count(*) from fills;

-- name: state
-- A fact that outlives a process.
select value from state where key = $1;

-- name: set_state
-- Keep a fact.
insert into state (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value;

-- name: schema_version
-- The last migration that was applied.
select coalesce(max(version), 0) from schema_migrations;
