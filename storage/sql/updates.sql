-- name: note
-- One row when the update is new, none when it was handled before. Telegram repeats an update for a
-- day at most, and then begins with other numbers: older rows go.
with forgotten as (
    delete from handled_updates where channel = $1 and handled_at < now() - interval '2 days'
)
insert into handled_updates (channel, update_id) values ($1, $2)
on conflict do nothing
returning update_id;
