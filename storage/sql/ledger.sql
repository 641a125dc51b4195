-- name: lock
-- One appends at a time, so the chain never forks.
select pg_advisory_xact_lock($1);

-- name: head
-- The last entry, and what it already says of these opportunities.
select n, hash,
    (select array_agg(kind || ' ' || opportunity_id) from ledger where opportunity_id = any($1::text[])) as known
from ledger
order by n desc
limit 1;

-- name: append
-- One entry, tied to the one before.
insert into ledger (n, kind, opportunity_id, body, previous, hash) values ($1, $2, $3, $4, $5, $6);

-- name: all
-- The whole chain beside what is shown of each opportunity.
select l.n, l.kind, l.opportunity_id, l.body, l.previous, l.hash,
    o.opportunity, o.rule_version, o.ended_ms, o.end_reason, o.exit_px, o.gross_bps, o.net_bps, o.held_ms
from ledger l
left join trade_opportunities o using (opportunity_id)
order by l.n;
