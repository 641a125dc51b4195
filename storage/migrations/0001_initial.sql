-- Times: milliseconds UTC where the exchange or the clock of a replay gave them (``_ms``);
-- timestamptz where only this server's own clock counts. Money USD. Prices, sizes and positions
-- are exact. Names sort by code point, as in the program.

-- --- accounts --------------------------------------------------------------------------------

create table traders (
    address text collate "C" primary key,
    equity_usd double precision,
    is_vault boolean,
    is_spot_hedged boolean,
    pnl_30d double precision,
    pnl_30d_source text,
    capital double precision,
    capital_source text,
    month_roi double precision,
    has_sub_accounts boolean,
    selection_chance double precision not null default 1 check (selection_chance > 0 and selection_chance <= 1),
    collected_from_ms bigint,
    refined_ms bigint,
    month_pnl double precision,
    positions_as_of_ms bigint,
    updated_ms bigint not null
);

create table performance_history (
    account text collate "C" not null,
    time_ms bigint not null,
    equity numeric,
    pnl numeric,
    -- profit counts from here; two windows' profits compare only after shifting
    window_start_ms bigint,
    primary key (account, time_ms)
);

create table positions (
    is_rehearsal boolean not null default false,
    account text collate "C" not null,
    coin text collate "C" not null,
    -- zero is kept: an older report must not bring a closed position back
    szi numeric not null,
    entry_px numeric,
    updated_ms bigint not null,
    primary key (is_rehearsal, account, coin)
);

create index positions_by_coin on positions (coin) where not is_rehearsal and szi <> 0;

-- --- fills and prices ------------------------------------------------------------------------

create sequence fills_ingest_id;

create table fills (
    account text collate "C" not null,
    coin text collate "C" not null,
    time_ms bigint not null check (time_ms >= 0),
    tid bigint not null,
    seq integer not null,
    px numeric not null check (px >= 0 and px < 'Infinity'),
    sz numeric not null check (sz >= 0 and sz < 'Infinity'),
    side text not null check (side in ('A', 'B')),
    start_position numeric,
    dir text,
    closed_pnl numeric,
    fee numeric,
    fee_token text,
    crossed boolean,
    hash text,
    oid bigint,
    twap_id bigint,
    liquidation jsonb,
    is_twap boolean not null,
    source text not null,
    -- rises with every row written or completed: who reads "what is new" reads by it
    ingest_id bigint not null default nextval('fills_ingest_id'),
    -- account and time first: the same index finds one account's fills in order
    primary key (account, time_ms, coin, tid)
) partition by range (time_ms);

create index fills_by_ingest on fills using brin (ingest_id) with (pages_per_range = 32, autosummarize = on);

-- Makes the partition of one UTC month unless it is there. Attaching blocks no reader or writer of
-- the other months, which creating it in place would.
create function add_fills_month(moment_ms bigint) returns void language plpgsql as $$
declare
    month timestamp := date_trunc('month', to_timestamp(moment_ms / 1000.0) at time zone 'UTC');
    partition text := 'fills_' || to_char(month, 'YYYY_MM');
begin
    perform pg_advisory_xact_lock(hashtext('add_fills_month'));
    -- asked of the tables themselves: name caches don't see what was made while we waited
    if exists (
        select from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'fills'::regclass and c.relname = partition
    ) then
        return;
    end if;
    execute format('create table %I (like fills including defaults including constraints)', partition);
    execute format(
        'alter table fills attach partition %I for values from (%s) to (%s)',
        partition,
        (extract(epoch from month) * 1000)::bigint,
        (extract(epoch from month + interval '1 month') * 1000)::bigint
    );
end
$$;

create table funding (
    account text collate "C" not null,
    coin text collate "C" not null,
    time_ms bigint not null,
    usdc numeric not null,
    szi numeric not null,
    rate numeric not null,
    samples integer not null check (samples >= 1),
    primary key (account, time_ms, coin)
);

create table funding_rates (
    coin text collate "C" not null,
    time_ms bigint not null,
    rate numeric not null,
    primary key (coin, time_ms)
);

create table bars (
    bar_interval text not null,
    coin text collate "C" not null,
    open_ms bigint not null,
    close_ms bigint not null check (close_ms > open_ms),
    open double precision not null,
    high double precision not null,
    low double precision not null,
    close double precision not null,
    primary key (coin, open_ms, bar_interval)
);

create table coins (
    coin text collate "C" primary key,
    sz_decimals integer not null check (sz_decimals >= 0),
    max_leverage integer not null,
    is_delisted boolean not null,
    dex text not null
);

create table imports (
    import_id text primary key,
    name text not null,
    form text not null,
    row_count bigint not null default 0,
    fill_count bigint not null default 0,
    added bigint not null default 0,
    repeated bigint not null default 0,
    rejected jsonb not null default '{}',
    begun_at timestamptz not null default now(),
    finished_at timestamptz
);

-- --- the list --------------------------------------------------------------------------------

create table rankings (
    ranking_id text collate "C" primary key,
    as_of_ms bigint not null,
    population integer not null check (population >= 0),
    label_fdr double precision,
    created_at timestamptz not null default now()
);

create index rankings_by_time on rankings (as_of_ms desc, created_at desc);

create table standings (
    ranking_id text collate "C" not null references rankings on delete cascade,
    place integer not null,
    address text collate "C" not null,
    rank integer check (rank >= 1),
    is_listed boolean not null,
    badness double precision,
    figures jsonb not null,
    primary key (ranking_id, address)
);

create unique index standings_in_order on standings (ranking_id, place);
create index standings_by_rank on standings (ranking_id, rank) where rank is not null;

create table ranking_changes (
    ranking_id text collate "C" not null references rankings on delete cascade,
    address text collate "C" not null,
    kind text not null check (kind in ('entered', 'left')),
    rank integer,
    reason text not null,
    place integer not null,
    primary key (ranking_id, address, kind)
);

create index ranking_changes_of on ranking_changes (address);

-- --- what was seen, decided and published ----------------------------------------------------

create table position_events (
    event_id text collate "C" primary key,
    is_rehearsal boolean not null,
    account text collate "C" not null,
    coin text collate "C" not null,
    kind text not null,
    time_ms bigint not null,
    event jsonb not null
);

create index position_events_of on position_events (account, time_ms);

create table decisions (
    decision_id text collate "C" primary key,
    grp text not null check (grp in ('loser', 'placebo')),
    is_rehearsal boolean not null,
    account text collate "C" not null,
    coin text collate "C" not null,
    kind text not null,
    decided_ms bigint not null,
    -- null: published
    rejection text,
    decision jsonb not null
);

create index decisions_by_time on decisions (is_rehearsal, decided_ms desc, decision_id desc);
create index decisions_of on decisions (account, decided_ms desc);

create table trade_opportunities (
    opportunity_id text collate "C" primary key,
    grp text not null check (grp in ('loser', 'placebo')),
    is_rehearsal boolean not null,
    rule_version text not null,
    loser text collate "C" not null,
    coin text collate "C" not null,
    side text not null check (side in ('long', 'short')),
    published_ms bigint not null,
    expires_ms bigint not null,
    reference_px numeric not null check (reference_px > 0),
    notional_usd double precision not null,
    badness double precision,
    opportunity jsonb not null,
    best_bps double precision not null default 0,
    worst_bps double precision not null default 0,
    ended_ms bigint,
    end_reason text,
    exit_px numeric,
    gross_bps double precision,
    net_bps double precision,
    held_ms bigint,
    check ((ended_ms is null) = (end_reason is null) and (ended_ms is null) = (held_ms is null))
);

create index opportunities_live on trade_opportunities (is_rehearsal, published_ms) where ended_ms is null;
create index opportunities_by_time on trade_opportunities (is_rehearsal, grp, published_ms, opportunity_id);
create index opportunities_of on trade_opportunities (loser, published_ms);

create table price_samples (
    opportunity_id text collate "C" not null references trade_opportunities on delete cascade,
    offset_ms bigint not null check (offset_ms >= 0),
    px numeric,
    sampled_ms bigint,
    primary key (opportunity_id, offset_ms)
);

create table outcomes (
    opportunity_id text collate "C" not null references trade_opportunities on delete cascade,
    -- empty: at the exit
    horizon text not null,
    delay_ms bigint not null,
    gross_bps double precision,
    cost_bps double precision not null,
    funding_bps double precision not null,
    net_bps double precision,
    primary key (opportunity_id, horizon, delay_ms)
);

-- Rows are added at the end only; each holds the hash of the one before.
create table ledger (
    n bigint primary key check (n >= 1),
    kind text not null check (kind in ('entry', 'ending')),
    opportunity_id text collate "C" not null,
    body text not null,
    previous text not null,
    hash text not null,
    unique (opportunity_id, kind)
);

-- --- chats and delivery ----------------------------------------------------------------------

create table chats (
    channel text not null,
    chat text not null,
    thread text not null default '',
    role text not null check (role in ('owner', 'member', 'pending')),
    title text not null,
    disabled_reason text,
    created_at timestamptz not null default now(),
    primary key (channel, chat, thread)
);

create table subscriptions (
    channel text not null,
    chat text not null,
    thread text not null,
    -- null: all coins
    coin text collate "C",
    min_usd double precision not null check (min_usd >= 0),
    min_badness double precision not null check (min_badness >= 0),
    foreign key (channel, chat, thread) references chats on delete cascade on update cascade
);

create unique index subscriptions_once on subscriptions (channel, chat, thread, coalesce(coin, ''));

create table owner_codes (
    code_hash bytea primary key,
    created_at timestamptz not null default now(),
    used_at timestamptz,
    used_by text
);

-- The lasting record: one row per opportunity event and chat.
create table alerts (
    alert_id bigint generated always as identity primary key,
    kind text not null check (kind in ('entry', 'exit', 'test')),
    opportunity_id text collate "C" references trade_opportunities,
    channel text not null,
    chat text not null,
    thread text not null,
    -- ``pending`` stays until the end is known; what happens meanwhile is in the outbox
    state text not null default 'pending' check (state in ('pending', 'sent', 'dead', 'expired', 'unknown')),
    created_ms bigint not null,
    expires_ms bigint,
    sent_ms bigint,
    attempts integer not null default 0,
    remote_id text,
    last_error text,
    evidence text not null,
    -- the made-up opportunity of a test
    sample jsonb,
    check ((kind = 'test') = (opportunity_id is null) and (kind = 'test') = (sample is not null)),
    unique (opportunity_id, kind, channel, chat, thread)
);

create index alerts_unfinished on alerts (created_ms) where state = 'pending';
create index alerts_undelivered on alerts (state) where state in ('dead', 'expired', 'unknown');

-- The queue: only what is not yet finished. Small, often changed, so rows are updated in place.
create table outbox (
    alert_id bigint primary key references alerts on delete cascade,
    -- an exit: its entry, behind which it waits
    entry_id bigint references alerts,
    channel text not null,
    chat text not null,
    thread text not null,
    priority smallint not null,
    state text not null default 'pending' check (state in ('pending', 'leased', 'sending')),
    attempts integer not null default 0,
    not_before timestamptz not null default now(),
    lease_until timestamptz,
    lease_by text,
    may_have_arrived boolean not null default false,
    check ((state = 'pending') = (lease_until is null) and (state = 'pending') = (lease_by is null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);

create index outbox_in_order on outbox (channel, chat, thread, priority, alert_id);
create unique index outbox_one_on_its_way on outbox (channel, chat, thread) where state <> 'pending';

-- A platform that says "wait" means the whole chat, with all its topics.
create table target_holds (
    channel text not null,
    chat text not null,
    until timestamptz not null,
    primary key (channel, chat)
);

-- Whose turn it is: for every target with nothing on its way, exits first, then in order of
-- writing; an exit only after its own entry has left the queue. A row in back-off keeps its place.
-- Looks at the first few of each target, however many wait.
create view outbox_turns as
select first.alert_id, t.channel, first.priority, greatest(first.not_before, h.until) as due_at
from (select distinct channel, chat, thread from outbox) t
cross join lateral (
    select o.alert_id, o.priority, o.not_before
    from outbox o
    where o.channel = t.channel and o.chat = t.chat and o.thread = t.thread
        and o.state = 'pending'
        and (o.entry_id is null or not exists (select from outbox entry where entry.alert_id = o.entry_id))
    order by o.priority, o.alert_id
    limit 1
) first
left join target_holds h on h.channel = t.channel and h.chat = t.chat
where not exists (
    select from outbox busy
    where busy.channel = t.channel and busy.chat = t.chat and busy.thread = t.thread
        and busy.state <> 'pending'
);

-- --- the process itself ----------------------------------------------------------------------

create table api_logs (
    logged_ms bigint not null,
    endpoint text not null,
    weight integer not null,
    -- null: no answer came
    status integer,
    latency_ms double precision not null,
    is_failure boolean not null
);

create index api_logs_by_time on api_logs (logged_ms);

create table state (
    key text primary key,
    value text not null
);

-- Makes nonces of this installation differ from any other's that uses the same bot.
insert into state (key, value) values ('installation', substr(md5(random()::text || clock_timestamp()::text), 1, 8));

insert into chats (channel, chat, role, title) values ('console', 'stdout', 'owner', 'this terminal');
insert into subscriptions (channel, chat, thread, coin, min_usd, min_badness)
values ('console', 'stdout', '', null, 0, 0);
