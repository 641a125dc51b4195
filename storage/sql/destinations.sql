-- name: add
-- A receiver of the settings; no row: it is known.
insert into chats (channel, chat, role, title) values ($1, $2, 'member', $3)
on conflict (channel, chat, thread) do nothing
returning chat;

-- name: subscribe_to_all
-- What a new receiver hears.
insert into subscriptions (channel, chat, thread, coin, min_usd, min_badness) values ($1, $2, '', null, 0, 0)
on conflict do nothing;

-- name: disable_others
-- Whoever was taken out of the settings hears nothing more; nor does anything wait for them.
with gone as (
    delete from outbox where channel = $1 and chat <> all($2::text[])
    returning alert_id
),
buried as (
    update alerts a set state = 'dead', last_error = 'no longer in the settings'
    from gone
    where a.alert_id = gone.alert_id or (a.digest_id = gone.alert_id and a.state = 'pending')
)
update chats set disabled_reason = 'no longer in the settings'
where channel = $1 and chat <> all($2::text[]) and disabled_reason is null;
