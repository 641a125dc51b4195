-- name: incoming
-- A place for COPY; emptied at every commit.
create temporary table if not exists incoming_fills (
    like fills including defaults, nth integer not null
) on commit delete rows;

-- name: writers_lock
-- Many write at once; who asks for "what is new" waits for all of them (see new_mark).
select pg_advisory_xact_lock_shared($1);

-- name: add
-- Move the copied rows in; known ones stay as they are.
with written as (
    insert into fills (
        account, coin, time_ms, tid, seq, px, sz, side, start_position, dir, closed_pnl, fee,
        fee_token, crossed, hash, oid, twap_id, liquidation, is_twap, source
    )
    -- one order for all writers: two that bring the same fills wait instead of deadlocking
    select distinct on (account, time_ms, coin, tid)
        account, coin, time_ms, tid, seq, px, sz, side, start_position, dir, closed_pnl, fee,
        fee_token, crossed, hash, oid, twap_id, liquidation, is_twap, source
    from incoming_fills
    order by account, time_ms, coin, tid, (closed_pnl is null), nth
    on conflict (account, time_ms, coin, tid) do nothing
    returning 1
)
select count(*) from written;

-- name: add_few
-- The same for a few that need no detour: $1 is a JSON array of rows.
with written as (
    insert into fills (
        account, coin, time_ms, tid, seq, px, sz, side, start_position, dir, closed_pnl, fee,
        fee_token, crossed, hash, oid, twap_id, liquidation, is_twap, source
    )
    select distinct on (account, time_ms, coin, tid)
        account, coin, time_ms, tid, seq, px, sz, side, start_position, dir, closed_pnl, fee,
        fee_token, crossed, hash, oid, twap_id, liquidation, is_twap, source
    from jsonb_populate_recordset(null::fills, $1) with ordinality
    order by account, time_ms, coin, tid, (closed_pnl is null), ordinality
    on conflict (account, time_ms, coin, tid) do nothing
    returning 1
)
select count(*) from written;

-- name: complete
-- Complete rows known with less detail (heard on the feed). They count as written again, so that
-- readers of "what is new" see them whole.
with told as (
    select distinct on (account, time_ms, coin, tid) *
    from incoming_fills
    order by account, time_ms, coin, tid, (closed_pnl is null), nth
),
-- locked in the order in which all writers lock
lacking as (
    select account, time_ms, coin, tid
    from fills f
    join told t using (account, time_ms, coin, tid)
    where (f.start_position is null and t.start_position is not null)
        or (f.closed_pnl is null and t.closed_pnl is not null)
        or (f.fee is null and t.fee is not null)
        or (f.crossed is null and t.crossed is not null)
        or (f.oid is null and t.oid is not null)
        or (f.liquidation is null and t.liquidation is not null)
    order by account, time_ms, coin, tid
    for update of f
)
update fills f set
    seq = case when f.start_position is null then t.seq else f.seq end,
    start_position = coalesce(f.start_position, t.start_position),
    dir = coalesce(f.dir, t.dir),
    closed_pnl = coalesce(f.closed_pnl, t.closed_pnl),
    fee = coalesce(f.fee, t.fee),
    fee_token = coalesce(f.fee_token, t.fee_token),
    crossed = coalesce(f.crossed, t.crossed),
    hash = coalesce(f.hash, t.hash),
    oid = coalesce(f.oid, t.oid),
    twap_id = coalesce(f.twap_id, t.twap_id),
    liquidation = coalesce(f.liquidation, t.liquidation),
    is_twap = f.is_twap or t.is_twap,
    ingest_id = nextval('fills_ingest_id')
from told t
join lacking using (account, time_ms, coin, tid)
where f.account = t.account and f.time_ms = t.time_ms and f.coin = t.coin and f.tid = t.tid;

-- name: add_month
-- Make the partition of a month.
select add_fills_month($1);

-- name: readers_lock
-- Wait until no writer is between taking a number and committing, and hold new ones back.
select pg_advisory_xact_lock($1);

-- name: new_mark
-- With the lock held: everything up to this number is committed or never will be.
select case when is_called then last_value else 0 end from fills_ingest_id;

-- name: after
-- What was written after one mark and up to another; the accounts: null for all.
select account, coin, px, sz, side, time_ms, start_position, dir, closed_pnl, fee, fee_token, crossed,
    hash, oid, tid, twap_id, liquidation, seq, is_twap
from fills
where ingest_id > $1 and ingest_id <= $2
order by account, time_ms, seq, tid;

-- name: after_of
-- The same of some accounts only.
select account, coin, px, sz, side, time_ms, start_position, dir, closed_pnl, fee, fee_token, crossed,
    hash, oid, tid, twap_id, liquidation, seq, is_twap
from fills
where ingest_id > $1 and ingest_id <= $2 and account = any($3::text[])
order by account, time_ms, seq, tid;

-- name: accounts_after
-- Whose fills were written after one mark and up to another.
select distinct account from fills where ingest_id > $1 and ingest_id <= $2 order by account;

-- name: of
-- One account's fills from a moment on, in execution order.
select account, coin, px, sz, side, time_ms, start_position, dir, closed_pnl, fee, fee_token, crossed,
    hash, oid, tid, twap_id, liquidation, seq, is_twap
from fills
where account = $1 and time_ms >= $2
order by account, time_ms, seq, tid;

-- name: last_ms
-- When an account was last seen to trade.
select max(time_ms) from fills where account = $1;

-- name: traded_coins
-- The coins with fills since a moment, those of most accounts first.
select coin from (select coin, count(distinct account) as accounts from fills where time_ms >= $1 group by coin) c
order by accounts desc, coin;

-- name: coins_of
-- The coins that one account ever traded, without its fills.
select distinct coin from fills where account = $1 order by coin;

-- name: traders_of
-- Which of the accounts traded a coin after one moment and up to another. A probe of the primary key per
-- account ends at its first find; a join would read all fills of everybody instead.
select asked.account from unnest($2::text[]) as asked (account)
cross join lateral (
    select from fills f
    where f.account = asked.account and f.coin = $1 and f.time_ms > $3 and f.time_ms <= $4
    limit 1
) found;
