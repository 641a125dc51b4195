"""Accounts: their facts, how far their history is known, and their equity over time."""

from typing import TYPE_CHECKING

from core.model.fills import CurvePoint, Portfolio
from core.model.market import Address
from core.model.traders import AccountFacts, PnlSource
from core.ports import KnownAccount
from storage.statements import statements

if TYPE_CHECKING:
    from storage.database import Database, Record

SQL = statements("traders")


class Traders:
    """The tables ``traders`` and ``performance_history``."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def save_account(self, account: KnownAccount, now_ms: int) -> None:
        """Replace what is known of an account."""
        facts = account.facts
        async with self._database.connection() as connection:
            await connection.execute(
                SQL["save_account"],
                facts.address,
                facts.equity_usd,
                facts.is_vault,
                facts.is_spot_hedged,
                facts.pnl_30d,
                facts.pnl_30d_source,
                facts.capital,
                facts.capital_source,
                facts.month_roi,
                facts.has_sub_accounts,
                facts.selection_chance,
                account.collected_from_ms,
                account.refined_ms,
                account.month_pnl,
                now_ms,
            )

    async def accounts(self) -> list[KnownAccount]:
        """Return all accounts, by address."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["accounts"])
        return [_account(row) for row in rows]

    async def save_portfolio(self, portfolio: Portfolio) -> None:
        """Keep the ``perpMonth`` points as own snapshots in ``performance_history``."""
        month = portfolio.windows.get("perpMonth")
        if month is None:
            return
        equity = {point.time_ms: point.value for point in month.account_value}
        pnl = {point.time_ms: point.value for point in month.pnl}
        start_ms = min(pnl, default=None)
        async with self._database.transaction() as connection:
            await connection.executemany(
                SQL["save_point"],
                [
                    (portfolio.user, ms, equity.get(ms), pnl.get(ms), start_ms if ms in pnl else None)
                    for ms in sorted({*equity, *pnl})
                ],
            )

    async def equity_curve(self, account: Address, from_ms: int) -> list[CurvePoint]:
        """Return the account's equity in USD from a moment on, by time."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["equity_curve"], account, from_ms)
        return [CurvePoint(row["time_ms"], row["equity"]) for row in rows]


def _account(row: "Record") -> KnownAccount:
    source = row["pnl_30d_source"]
    facts = AccountFacts(
        address=Address(row["address"]),
        equity_usd=row["equity_usd"],
        is_vault=row["is_vault"],
        is_spot_hedged=row["is_spot_hedged"],
        pnl_30d=row["pnl_30d"],
        pnl_30d_source=None if source is None else PnlSource(source),
        capital=row["capital"],
        capital_source=row["capital_source"],
        month_roi=row["month_roi"],
        has_sub_accounts=row["has_sub_accounts"],
        selection_chance=row["selection_chance"],
    )
    return KnownAccount(facts, row["collected_from_ms"], row["refined_ms"], row["month_pnl"])
