-- name: add
-- A batch of requests.
insert into api_logs (logged_ms, endpoint, weight, status, latency_ms, is_failure)
select * from unnest($1::bigint[], $2::text[], $3::integer[], $4::integer[], $5::double precision[], $6::boolean[]);

-- name: forget
-- What is older than the retention.
delete from api_logs where logged_ms < $1;
