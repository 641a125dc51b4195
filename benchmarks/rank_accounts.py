"""Ranking millions of fills in our books, against one DuckDB query over the same fills.

Ours makes all the figures, the reasons and the list of DESIGN's ranking, exactly (Decimal); the query
makes three figures per account. The totals of those three must agree, or the benchmark fails.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.measuring import Figures, Params, Plan, Report, in_turn, run_side

if TYPE_CHECKING:
    from core.model.fills import Fill

FILLS = 5_000_000
ACCOUNTS = 5_000
ACCOUNTS_AT_A_TIME = 50
"""How many accounts' fills exist as objects at a time: the books are fed, as in the product, account by
account, and the fills let go."""

QUERY = """
with chained as (
    select account, coin, closed_pnl, fee, time_ms, seq, start_position,
        sum((start_position = 0)::integer) over (
            partition by account, coin order by time_ms, seq rows unbounded preceding
        ) as trip,
        start_position + case when is_buy then sz else -sz end as after
    from read_parquet(?)
),
trips as (
    select account, coin, trip, sum(closed_pnl) - sum(fee) as net
    from chained group by account, coin, trip having bool_or(after = 0)
),
by_trips as (
    select account, count(*) as trips, count(*) filter (net > 0) as wins from trips group by account
),
by_fills as (
    select account, sum(closed_pnl) - sum(fee) as realized from read_parquet(?) group by account
)
select account, realized, coalesce(trips, 0), coalesce(wins, 0), wins / trips as win_rate
from by_fills left join by_trips using (account)
order by realized
"""


async def measure(plan: Plan) -> Report:
    """Measure the seconds of books, figures and ranking, and those of the query."""
    with tempfile.TemporaryDirectory(prefix="hyperfade-bench-") as folder:
        params = {"file": str(Path(folder) / "fills.parquet")}
        amount = {"fills": plan.scaled(FILLS, 1000), "accounts": plan.scaled(ACCOUNTS, 20)}
        made = await run_side("rank_accounts", "made", {**params, **amount})
        rounds = await in_turn("rank_accounts", ("bare", "ours"), plan.rounds_or(2), params)
    for name in ("trips", "wins", "realized"):
        if rounds.last("ours")[name] != rounds.last("bare")[name]:
            raise SystemExit(
                f"ranking and query disagree on {name}: {rounds.last('ours')[name]} and "
                f"{rounds.last('bare')[name]}"
            )
    return Report(
        rows=[
            rounds.row("rank", "books, figures and list from nothing", "s", "all_s", better="lower"),
            rounds.row("rank", "figures and list of books kept up", "s", "again_s", better="lower"),
        ],
        details={
            "fills": made["fills"],
            "accounts": made["accounts"],
            "round trips": rounds.last("ours")["trips"],
            "seconds of ours": {
                "books": rounds.of("ours", "books_s"),
                "figures": rounds.of("ours", "figures_s"),
                "rank": rounds.of("ours", "rank_s"),
            },
            "not counted: fills made into objects, s": rounds.of("ours", "made_s"),
            "books fed, fills/s": made["fills"] / rounds.of("ours", "books_s"),
        },
    )


def _make(params: Params) -> Figures:
    """Write the fills as parquet, decimals exact, by account and execution order."""
    import duckdb
    import pandas as pd

    from benchmarks.synthetic import made_fills

    fills = made_fills(params["fills"], params["accounts"])
    frame = pd.DataFrame(fills.columns())
    connection = duckdb.connect()
    connection.register("made", frame)
    connection.execute(
        f"""
        copy (
            select * replace (
                px::decimal(18, 6) as px, sz::decimal(18, 2) as sz,
                start_position::decimal(18, 2) as start_position,
                closed_pnl::decimal(18, 6) as closed_pnl, fee::decimal(18, 6) as fee
            ) from made
        ) to '{params["file"]}' (format parquet)
        """
    )
    return {"fills": len(fills), "accounts": int(frame["account"].nunique())}


def _query(params: Params) -> Figures:
    import duckdb

    connection = duckdb.connect()
    began = perf_counter()
    rows = connection.execute(QUERY, [params["file"], params["file"]]).fetchall()
    ended = perf_counter()
    return {
        "all_s": ended - began,
        "again_s": ended - began,
        "trips": sum(row[2] for row in rows),
        "wins": sum(row[3] for row in rows),
        "realized": f"{sum(row[1] for row in rows):.2f}",
    }


def _rank(params: Params) -> Figures:
    from benchmarks.synthetic import AS_OF_MS, made_bars
    from core.model.traders import AccountFacts, RankingRules
    from core.ranking.books import AccountBooks
    from core.ranking.figures import MarketHistory
    from core.ranking.prices import PriceBook
    from core.ranking.ranking import rank

    books, rules = AccountBooks(), RankingRules()
    books_s = made_s = 0.0
    at = perf_counter()
    for fills in _by_accounts(params["file"]):
        made_s += perf_counter() - at
        at = perf_counter()
        books.extend(fills)
        books_s += perf_counter() - at
        at = perf_counter()
    facts = {
        account: AccountFacts(account, equity_usd=10_000.0, capital=20_000.0, capital_source="portfolio")
        for account in books.accounts()
    }
    market = MarketHistory(PriceBook(made_bars()))
    began = perf_counter()
    accounts = books.accounts_at(AS_OF_MS, rules, market, facts)
    figures_s = perf_counter() - began
    began = perf_counter()
    ranking = rank(accounts, AS_OF_MS, rules)
    rank_s = perf_counter() - began
    found = [standing.figures for standing in ranking.standings]
    return {
        "all_s": books_s + figures_s + rank_s,
        "again_s": figures_s + rank_s,
        "books_s": books_s,
        "figures_s": figures_s,
        "rank_s": rank_s,
        "made_s": made_s,
        "listed": len(ranking.listed),
        "trips": sum(one.round_trips for one in found),
        "wins": sum(one.wins for one in found),
        "realized": f"{sum(one.realized_pnl or 0.0 for one in found):.2f}",
    }


def _by_accounts(file: str) -> Iterator[list["Fill"]]:
    """Yield the fills of some accounts at a time, as objects, in execution order."""
    import duckdb

    from benchmarks.synthetic import address, coin_name
    from core.model.fills import Fill
    from core.model.market import Address, Side

    connection = duckdb.connect(config={"threads": 1})
    found = connection.execute("select max(account) from read_parquet(?)", [file]).fetchone()
    assert found is not None
    for first in range(0, found[0] + 1, ACCOUNTS_AT_A_TIME):
        rows = connection.execute(
            """
            select account, coin, px, sz, is_buy, time_ms, start_position, closed_pnl, fee, crossed, oid,
                tid, seq
            from read_parquet(?) where account between ? and ? order by account, time_ms, seq
            """,
            [file, first, first + ACCOUNTS_AT_A_TIME - 1],
        ).fetchall()
        yield [
            Fill(
                user=Address(address(account)),
                coin=coin_name(coin),
                px=px,
                sz=sz,
                side=Side.BUY if is_buy else Side.SELL,
                time_ms=time_ms,
                start_position=start,
                closed_pnl=closed_pnl,
                fee=fee,
                crossed=crossed,
                oid=oid,
                tid=tid,
                seq=seq,
            )
            for (
                account, coin, px, sz, is_buy, time_ms, start, closed_pnl, fee, crossed, oid, tid, seq,
            ) in rows
        ]  # fmt: skip


SIDES: Mapping[str, Callable[[Params], Figures]] = {"made": _make, "bare": _query, "ours": _rank}
