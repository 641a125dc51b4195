-- name: save_settings
-- How a chat wants to be told.
update chats set loudness = $4, quiet_from = $5, quiet_until = $6, time_zone = $7, hourly_cap = $8,
    digest = $9, digest_hour = $10
where channel = $1 and chat = $2 and thread = $3;

-- name: knows_zone
-- Whether this server, too, can tell the time there: its own list of zones may be older.
select exists (select from pg_timezone_names where name = $1);

-- name: label_taken
-- Whom the chat calls so already, somebody else.
select address from follows
where channel = $1 and chat = $2 and thread = $3 and lower(label) = lower($5) and address <> $4;

-- name: follow
-- One trader; again: another label.
insert into follows (channel, chat, thread, address, label) values ($1, $2, $3, $4, $5)
on conflict (channel, chat, thread, address) do update set label = excluded.label;

-- name: unfollow
-- No longer.
delete from follows where channel = $1 and chat = $2 and thread = $3 and address = $4;

-- name: follows
-- Whom one chat follows, in the order in which it began.
select address, label from follows
where channel = $1 and chat = $2 and thread = $3
order by created_at, address;

-- name: followed
-- Everybody whom some chat that may be written to follows.
select distinct f.address from follows f
join chats c using (channel, chat, thread)
where c.role in ('owner', 'member') and c.disabled_reason is null
order by f.address;

-- name: mute
-- Until then; again: another time.
insert into mutes (channel, chat, thread, what, until_ms) values ($1, $2, $3, $4, $5)
on conflict (channel, chat, thread, what) do update set until_ms = excluded.until_ms;

-- name: unmute
-- One of them, or all (null).
delete from mutes where channel = $1 and chat = $2 and thread = $3 and ($4::text is null or what = $4);

-- name: mutes
-- What is muted, the first to end first; what is over is of no interest.
select what, until_ms from mutes
where channel = $1 and chat = $2 and thread = $3 and until_ms > $4
order by until_ms, what;

-- name: forget_mutes
-- Those that are over.
delete from mutes where until_ms <= $1;
