-- Chat in full: what each chat wants to hear and how loudly, whom it follows, what it muted, and
-- alerts that are about something else than one opportunity's beginning or end.

alter table chats
    -- kind of alert -> 'on', 'silent' or 'off'; what isn't named has the default of the program
    add column loudness jsonb not null default '{}',
    -- local time, may run over midnight; the name of an IANA time zone
    add column quiet_from time,
    add column quiet_until time,
    add column time_zone text not null default 'UTC',
    -- entries an hour; more are held for the digest
    add column hourly_cap integer check (hourly_cap > 0),
    add column digest text not null default 'off' check (digest in ('off', 'daily', 'weekly')),
    add column digest_hour smallint not null default 8 check (digest_hour between 0 and 23),
    add column digested_ms bigint,
    -- who asked to be let in, where a person's id is known
    add column asked_by text,
    add constraint chats_quiet check ((quiet_from is null) = (quiet_until is null)),
    -- 'declined': an owner said no; answered with silence
    drop constraint chats_role_check,
    add constraint chats_role_check check (role in ('owner', 'member', 'pending', 'declined'));

alter table subscriptions
    -- what the alert suggests: 'long', 'short', or null for both
    add column side text check (side in ('long', 'short'));

-- Every event of these traders, whether they are listed or not.
create table follows (
    channel text not null,
    chat text not null,
    thread text not null,
    address text collate "C" not null,
    -- the chat's own name for the trader
    label text,
    created_at timestamptz not null default now(),
    primary key (channel, chat, thread, address),
    foreign key (channel, chat, thread) references chats on delete cascade on update cascade
);

create index follows_of_trader on follows (address);
create unique index follows_label on follows (channel, chat, thread, lower(label)) where label is not null;

create table mutes (
    channel text not null,
    chat text not null,
    thread text not null,
    -- 'all', a coin, or an address
    what text collate "C" not null,
    until_ms bigint not null,
    primary key (channel, chat, thread, what),
    foreign key (channel, chat, thread) references chats on delete cascade on update cascade
);

alter table alerts rename column sample to facts;
alter table alerts
    -- 'held': kept back by the chat's own wish, and told in its digest
    drop constraint alerts_state_check,
    add constraint alerts_state_check
        check (state in ('pending', 'sent', 'dead', 'expired', 'unknown', 'held')),
    add column held_because text check (held_because in ('muted', 'quiet', 'cap', 'off')),
    add constraint alerts_held check ((state = 'held') = (held_because is not null)),
    -- told in this digest, or an entry in this message of merged ones, whose fate it shares
    add column digest_id bigint references alerts on delete set null,
    add column is_silent boolean not null default false,
    drop constraint alerts_kind_check,
    add constraint alerts_kind_check check (
        kind in (
            'entry', 'update', 'exit', 'crowd', 'follow', 'list', 'digest', 'health', 'request', 'test', 'merged'
        )
    ),
    drop constraint alerts_check,
    add constraint alerts_subject check (
        case when kind in ('entry', 'update', 'exit') then opportunity_id is not null
            else opportunity_id is null and facts is not null end
    ),
    -- what makes an alert about something else the same alert: written twice, told once
    add column dedup_key text,
    -- the message that this one changes: of updates, and of a crowd that others joined
    add column changes_id bigint references alerts on delete cascade,
    -- a message may be changed many times, but entry and exit are told once
    drop constraint alerts_opportunity_id_kind_channel_chat_thread_key;

create unique index alerts_once on alerts (opportunity_id, channel, chat, thread, kind)
    where kind in ('entry', 'exit');
create unique index alerts_dedup on alerts (dedup_key, channel, chat, thread) where dedup_key is not null;
create index alerts_changing on alerts (changes_id, alert_id) where changes_id is not null;

create index alerts_of_chat on alerts (channel, chat, thread, created_ms);
-- in which a member may be named whose own entry was held
create index alerts_crowds on alerts (channel, chat, thread) where kind = 'crowd';
create index alerts_told_together on alerts (digest_id) where digest_id is not null;
-- what counts toward a chat's hourly cap
create index alerts_told_lately on alerts (channel, chat, thread, created_ms)
    where kind in ('entry', 'crowd') and state in ('pending', 'sent', 'unknown')
        and digest_id is null and changes_id is null;
create index alerts_held_back on alerts (channel, chat, thread, created_ms)
    where state = 'held' and digest_id is null;

alter table outbox
    -- the entry (of an exit or update) or crowd message that is to be answered or edited
    add column edits boolean not null default false;

-- Whose turn it is, as before, but one message that a receiver stumbles over again and again can't
-- hold back its chat for good: what may have arrived already lets others pass while it waits. And an
-- exit whose entry is told in another message waits for that one.
create or replace view outbox_turns as
select first.alert_id, t.channel, first.priority, greatest(first.not_before, h.until) as due_at
from (select distinct channel, chat, thread from outbox) t
cross join lateral (
    select o.alert_id, o.priority, o.not_before
    from outbox o
    where o.channel = t.channel and o.chat = t.chat and o.thread = t.thread
        and o.state = 'pending'
        and (o.entry_id is null or not exists (
            select from alerts entry
            join outbox told on told.alert_id in (entry.alert_id, entry.digest_id)
            where entry.alert_id = o.entry_id
        ))
        and not (o.may_have_arrived and o.attempts >= 5 and o.not_before > clock_timestamp())
    order by o.priority, o.alert_id
    limit 1
) first
left join target_holds h on h.channel = t.channel and h.chat = t.chat
where not exists (
    select from outbox busy
    where busy.channel = t.channel and busy.chat = t.chat and busy.thread = t.thread
        and busy.state <> 'pending'
);

-- What a platform delivers twice is handled once.
create table handled_updates (
    channel text not null,
    update_id bigint not null,
    handled_at timestamptz not null default now(),
    primary key (channel, update_id)
);

create index handled_updates_by_age on handled_updates (channel, handled_at);

-- Several losers on one side of a coin within a short time; told together.
create table crowds (
    crowd_id text collate "C" primary key,
    coin text collate "C" not null,
    -- what is suggested
    side text not null check (side in ('long', 'short')),
    since_ms bigint not null,
    -- ids of opportunities, the oldest first; whoever joined stays
    members text[] not null
);

create index crowds_lately on crowds (coin, side, since_ms desc);

-- Whether a wall clock there shows quiet hours; as core.quiet_hours: both ends equal means all day.
create function is_quiet(quiet_from time, quiet_until time, zone text, now_ms bigint) returns boolean
language sql immutable as $$
select case
    when quiet_from is null then false
    when quiet_from < quiet_until then
        (to_timestamp(now_ms / 1000.0) at time zone zone)::time >= quiet_from
        and (to_timestamp(now_ms / 1000.0) at time zone zone)::time < quiet_until
    else
        (to_timestamp(now_ms / 1000.0) at time zone zone)::time >= quiet_from
        or (to_timestamp(now_ms / 1000.0) at time zone zone)::time < quiet_until
end
$$;
