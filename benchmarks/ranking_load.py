"""Rankings one after the other beside the chain: as many traders as are read, many with something new."""

from collections.abc import Iterator

from benchmarks.synthetic import AS_OF_MS, COINS, address, coin_name, decimal, made_bars, made_fills
from core.model.fills import Fill
from core.model.market import Address, CoinSpec, Side
from core.model.traders import AccountFacts, RankingRules
from core.ports import KnownAccount, Ranker
from hyperfade.rank_messages import Task
from hyperfade.rank_process import rank_process
from storage.database import Database
from storage.fills import Fills

ACCOUNTS = 900
FILLS = 180_000
FIRST_ACCOUNT = 1_000_000
"""Not those who act on the feed meanwhile."""

CHANGED = 600
"""Accounts with a new fill before each ranking: those who are watched."""

_TOUCH = """
update fills f set ingest_id = nextval('fills_ingest_id')
from (
    select distinct on (account) account, time_ms, coin, tid from fills order by account, time_ms limit $1
) one
where (f.account, f.time_ms, f.coin, f.tid) = (one.account, one.time_ms, one.coin, one.tid)
"""


async def store_traders(fills: Fills) -> None:
    """Store the traders' fills, facts and prices."""
    await fills.save_coins([CoinSpec(coin_name(number), 2, 10) for number in range(COINS)])
    await fills.add_bars("15m", [bar for _, bar in made_bars()])
    for batch in _batches():
        await fills.add_fills(batch, "benchmark")
    for number in range(ACCOUNTS):
        one = Address(address(FIRST_ACCOUNT + number))
        facts = AccountFacts(one, equity_usd=10_000.0, capital=20_000.0, capital_source="portfolio")
        await fills.save_account(KnownAccount(facts, 0, AS_OF_MS, None), AS_OF_MS)


async def rank_on(database: Database) -> None:
    """Rank again and again, in the process that the product ranks in, until cancelled."""
    async with rank_process(Task(database.dsn, RankingRules(), "warning", "console", ())) as ranker:
        await _rank_on(ranker, database)


async def _rank_on(ranker: Ranker, database: Database) -> None:
    done = 0
    while True:
        await ranker.rank(AS_OF_MS + done)
        done += 1
        async with database.connection() as connection:
            await connection.execute(_TOUCH, CHANGED)


def _batches(size: int = 20_000) -> Iterator[list[Fill]]:
    columns = made_fills(FILLS, ACCOUNTS).columns()
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    batch: list[Fill] = []
    for row in rows:
        one = dict(zip(columns, row, strict=True))
        batch.append(
            Fill(
                user=Address(address(FIRST_ACCOUNT + one["account"])),
                coin=coin_name(one["coin"]),
                px=decimal(one["px"], 6),
                sz=decimal(one["sz"], 2),
                side=Side.BUY if one["is_buy"] else Side.SELL,
                time_ms=one["time_ms"],
                start_position=decimal(one["start_position"], 2),
                closed_pnl=decimal(one["closed_pnl"], 6),
                fee=decimal(one["fee"], 6),
                crossed=one["crossed"],
                oid=one["oid"],
                tid=one["tid"],
                seq=one["seq"],
            )
        )
        if len(batch) == size:
            yield batch
            batch = []
    yield batch
