-- name: save_account
-- What is known of an account.
insert into traders (
    address, equity_usd, is_vault, is_spot_hedged, pnl_30d, pnl_30d_source, capital, capital_source,
    month_roi, has_sub_accounts, selection_chance, collected_from_ms, refined_ms, month_pnl, updated_ms
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
on conflict (address) do update set
    equity_usd = excluded.equity_usd, is_vault = excluded.is_vault,
    is_spot_hedged = excluded.is_spot_hedged, pnl_30d = excluded.pnl_30d,
    pnl_30d_source = excluded.pnl_30d_source, capital = excluded.capital,
    capital_source = excluded.capital_source, month_roi = excluded.month_roi,
    has_sub_accounts = excluded.has_sub_accounts, selection_chance = excluded.selection_chance,
    collected_from_ms = excluded.collected_from_ms, refined_ms = excluded.refined_ms,
    month_pnl = excluded.month_pnl, updated_ms = excluded.updated_ms;

-- name: accounts
-- All accounts with what is known of them.
select address, equity_usd, is_vault, is_spot_hedged, pnl_30d, pnl_30d_source, capital, capital_source,
    month_roi, has_sub_accounts, selection_chance, collected_from_ms, refined_ms, month_pnl
from traders order by address;

-- name: save_point
-- One snapshot of equity and profit; the newest report of a moment counts.
insert into performance_history (account, time_ms, equity, pnl, window_start_ms) values ($1, $2, $3, $4, $5)
on conflict (account, time_ms) do update set
    equity = coalesce(excluded.equity, performance_history.equity),
    pnl = coalesce(excluded.pnl, performance_history.pnl),
    window_start_ms = coalesce(excluded.window_start_ms, performance_history.window_start_ms);

-- name: equity_curve
-- Equity over time.
select time_ms, equity from performance_history
where account = $1 and time_ms >= $2 and equity is not null
order by time_ms;
