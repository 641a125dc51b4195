-- name: clear_funding
-- Make place for the account's own funding of a range.
delete from funding where account = $1 and time_ms between $2 and $3;

-- name: add_funding
-- One payment.
insert into funding (account, coin, time_ms, usdc, szi, rate, samples) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (account, time_ms, coin) do update set
    usdc = excluded.usdc, szi = excluded.szi, rate = excluded.rate, samples = excluded.samples;

-- name: funding_of
-- One account's payments from a moment on.
select account, coin, time_ms, usdc, szi, rate, samples from funding
where account = $1 and time_ms >= $2
order by time_ms, coin;

-- name: add_rates
-- Hourly rates.
insert into funding_rates (coin, time_ms, rate)
select distinct on (coin, time_ms) coin, time_ms, rate::numeric
from unnest($1::text[], $2::bigint[], $3::text[]) as u (coin, time_ms, rate)
order by coin, time_ms
on conflict (coin, time_ms) do update set rate = excluded.rate where funding_rates.rate <> excluded.rate;

-- name: rates
-- All coins' rates from a moment on.
select coin, time_ms, rate from funding_rates where time_ms >= $1 order by coin, time_ms;

-- name: add_bars
-- Candles; the newest of a coin may have been unfinished, so later ones replace it.
insert into bars (bar_interval, coin, open_ms, close_ms, open, high, low, close)
select distinct on (coin, open_ms) $1::text, coin, open_ms, close_ms, open, high, low, close
from unnest(
    $2::text[], $3::bigint[], $4::bigint[],
    $5::double precision[], $6::double precision[], $7::double precision[], $8::double precision[]
) with ordinality as u (coin, open_ms, close_ms, open, high, low, close, nth)
order by coin, open_ms, nth desc
on conflict (coin, open_ms, bar_interval) do update set
    close_ms = excluded.close_ms, open = excluded.open, high = excluded.high, low = excluded.low,
    close = excluded.close;

-- name: bars
-- All coins' candles from a moment on.
select bar_interval, coin, open_ms, close_ms, open, high, low, close from bars
where open_ms >= $1
order by coin, open_ms, bar_interval;

-- name: save_coin
-- One listed coin.
insert into coins (coin, sz_decimals, max_leverage, is_delisted, dex) values ($1, $2, $3, $4, $5)
on conflict (coin) do update set
    sz_decimals = excluded.sz_decimals, max_leverage = excluded.max_leverage,
    is_delisted = excluded.is_delisted, dex = excluded.dex;

-- name: coins
-- All coins ever listed.
select coin, sz_decimals, max_leverage, is_delisted, dex from coins order by coin;
