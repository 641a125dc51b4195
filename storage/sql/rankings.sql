-- name: forget
-- A run is written whole: what an earlier try left goes first.
delete from rankings where ranking_id = $1;

-- name: add
-- The run itself.
insert into rankings (ranking_id, as_of_ms, population, label_fdr) values ($1, $2, $3, $4);

-- name: add_change
-- Who entered or left.
insert into ranking_changes (ranking_id, address, kind, rank, reason, place) values ($1, $2, $3, $4, $5, $6);

-- name: newest
-- The newest run at or before a moment.
select ranking_id, as_of_ms, population, label_fdr from rankings
where as_of_ms <= $1
order by as_of_ms desc, created_at desc
limit 1;

-- name: earliest
-- Of when the oldest run is.
select min(as_of_ms) from rankings;

-- name: standings
-- All rows of a run in its own order.
select figures from standings where ranking_id = $1 order by place;

-- name: changes
-- All changes of a run in its own order.
select address, kind, rank, reason from ranking_changes where ranking_id = $1 order by place;

-- name: standing
-- One account in the newest run at or before a moment.
select r.as_of_ms, s.figures
from (select ranking_id, as_of_ms from rankings where as_of_ms <= $2 order by as_of_ms desc, created_at desc limit 1) r
join standings s on s.ranking_id = r.ranking_id
where s.address = $1;

-- name: address_at
-- Whose rank it is in the newest run; those on the list count first.
select s.address
from (select ranking_id from rankings order by as_of_ms desc, created_at desc limit 1) r
join standings s on s.ranking_id = r.ranking_id
where s.rank = $1
order by s.is_listed desc, s.place
limit 1;
