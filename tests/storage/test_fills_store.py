"""Fills are kept once, whole and in order, and no reader ever misses one."""

import asyncio
import random
from dataclasses import replace
from decimal import Decimal

import pytest

from core.model.fills import Liquidation
from core.model.market import Address, Coin, Side
from core.ports import FillStore
from storage.database import Database
from storage.fill_rows import FillWriter
from storage.fills import Fills
from tests.support.fill_values import ALICE, BOB, JULY_MS, a_fill, as_heard

pytestmark = pytest.mark.asyncio


async def test_a_fill_comes_back_as_it_went_in(database: Database) -> None:
    store: FillStore = Fills(database)
    odd = a_fill(
        1,
        coin=Coin("xyz:ÄÖ\t\\N\n"),
        px=Decimal("1284161.8999999999"),
        sz=Decimal("1E+3"),
        side=Side.SELL,
        start_position=Decimal("-0.000000000000000001"),
        dir="a\\b\tc\r\nd",
        liquidation=Liquidation(BOB, Decimal("1.10"), "market"),
        tid=-(2**62),
        twap_id=7,
        seq=54,
        is_twap=True,
    )
    bare = replace(as_heard(a_fill(2)), crossed=None, hash=None)
    await store.add_fills([odd, bare], "api")
    assert await store.fills_of(ALICE) == [odd, bare]
    assert str((await store.fills_of(ALICE))[0].px) == "1284161.8999999999"


async def test_the_same_fills_are_added_once(database: Database) -> None:
    store = Fills(database)
    fills = [a_fill(n) for n in range(50)]
    assert await store.add_fills(fills, "api") == 50
    assert await store.add_fills([*fills[25:], a_fill(50)], "api") == 1
    assert await store.add_fills([a_fill(51), a_fill(51)], "api") == 1
    assert await store.fills_of(ALICE) == [a_fill(n) for n in range(52)]


async def test_the_coins_of_an_account_are_those_it_ever_traded(database: Database) -> None:
    store: FillStore = Fills(database)
    of_alice = [a_fill(n, coin=Coin(coin)) for n, coin in enumerate(["ETH", "xyz:CL", "ETH", "@107"])]
    await store.add_fills([*of_alice, a_fill(9, user=BOB, coin=Coin("BTC"))], "api")
    assert await store.coins_of(ALICE) == ["@107", "ETH", "xyz:CL"]
    assert await store.coins_of(Address("0xnobody")) == []


async def test_who_traded_a_coin_is_told_for_a_span_of_time(database: Database) -> None:
    store: FillStore = Fills(database)
    eth, btc = Coin("ETH"), Coin("BTC")
    of_alice = [a_fill(n, coin=eth) for n in (1, 2)]
    await store.add_fills([*of_alice, a_fill(1, user=BOB, coin=btc)], "api")
    first, second = (fill.time_ms for fill in of_alice)
    assert await store.traders_of(eth, [ALICE, BOB], first, second) == {ALICE}
    assert await store.traders_of(eth, [ALICE, BOB], first - 1, first) == {ALICE}
    assert await store.traders_of(eth, [ALICE, BOB], second, second + 1) == frozenset()
    assert await store.traders_of(eth, [BOB], 0, second) == frozenset()
    assert await store.traders_of(btc, [ALICE, BOB], 0, second) == {BOB}


async def test_a_fill_without_a_trade_id_is_known_again(database: Database) -> None:
    store = Fills(database)
    twins = [a_fill(0, tid=None, seq=0), a_fill(0, tid=None, seq=1)]
    assert await store.add_fills(twins, "api") == 2
    assert await store.add_fills(twins, "api") == 0
    assert all(fill.tid is not None and fill.tid < 0 for fill in await store.fills_of(ALICE))


async def test_execution_order_inside_a_millisecond_is_seq(database: Database) -> None:
    store = Fills(database)
    fills = [a_fill(0, tid=tid, seq=seq) for seq, tid in enumerate([5, 3, 9, 1])]
    await store.add_fills(fills[::-1], "api")
    assert [fill.tid for fill in await store.fills_of(ALICE)] == [5, 3, 9, 1]


async def test_what_the_feed_heard_is_completed_by_the_accounts_own_fill(database: Database) -> None:
    store = Fills(database)
    whole = a_fill(3, seq=2)
    assert await store.add_fills([as_heard(whole)], "feed") == 1
    mark, _ = await store.fills_after(0)
    assert await store.add_fills([whole], "api") == 0
    assert await store.fills_of(ALICE) == [whole]
    mark, again = await store.fills_after(mark)
    assert again == [whole]
    assert await store.add_fills([as_heard(whole), replace(whole, fee=Decimal(99))], "feed") == 0
    assert (await store.fills_after(mark))[1] == []
    assert await store.fills_of(ALICE) == [whole]


async def test_fills_of_all_months_are_kept_apart_and_read_together(database: Database) -> None:
    store = Fills(database)
    months = [1_677_628_799_999, 1_677_628_800_000, 1_709_251_199_999, 1_735_689_600_000, JULY_MS]
    fills = [a_fill(0, time_ms=ms, tid=n) for n, ms in enumerate(months)]
    await store.add_fills(fills, "archive")
    assert await store.fills_of(ALICE) == fills
    assert await store.fills_of(ALICE, months[2]) == fills[2:]
    async with database.connection() as connection:
        tables = await connection.fetch(
            "select c.relname from fills f join pg_class c on c.oid = f.tableoid order by f.time_ms"
        )
    assert [row["relname"] for row in tables] == [
        "fills_2023_02", "fills_2023_03", "fills_2024_02", "fills_2025_01", "fills_2026_07"
    ]  # fmt: skip


async def test_new_fills_are_read_by_account_time_and_seq(database: Database) -> None:
    store = Fills(database)
    await store.add_fills([a_fill(2, BOB), a_fill(1, BOB), a_fill(9)], "api")
    mark, fills = await store.fills_after(0)
    assert fills == [a_fill(9), a_fill(1, BOB), a_fill(2, BOB)]
    await store.add_fills([a_fill(0, BOB), a_fill(0)], "api")
    assert (await store.fills_after(mark))[1] == [a_fill(0), a_fill(0, BOB)]
    assert (await store.fills_after(mark, [BOB]))[1] == [a_fill(0, BOB)]
    assert (await store.accounts_after(mark))[1] == [ALICE, BOB]
    newest, _ = await store.fills_after(mark)
    assert await store.fills_after(newest) == (newest, [])


async def test_a_writer_that_commits_late_is_not_passed(database: Database) -> None:
    """The number of a row is taken before its commit: a reader must wait for whoever holds one."""
    store, writer = Fills(database), FillWriter(database)
    await writer.make_room([a_fill(0)])
    async with database.transaction() as slow:
        await writer.add(slow, [a_fill(0)], "feed")
        reading = asyncio.ensure_future(store.fills_after(0))
        async with database.connection() as other:
            while not await other.fetchval(
                "select count(*) from pg_locks where locktype='advisory' and not granted"
            ):
                assert not reading.done()
    mark, fills = await reading
    assert fills == [a_fill(0)]
    await store.add_fills([a_fill(1)], "feed")
    assert (await store.fills_after(mark))[1] == [a_fill(1)]


async def test_readers_beside_many_writers_see_every_fill_once(database: Database) -> None:
    store = Fills(database)
    rng = random.Random(7)
    done = asyncio.Event()
    seen: list[tuple[Address, int | None]] = []

    async def write(user: Address) -> None:
        for start in range(0, 200, 10):
            await store.add_fills([a_fill(start + k, user) for k in rng.sample(range(10), 10)], "api")

    async def read() -> None:
        mark = 0
        while True:
            last_round = done.is_set()
            mark, fills = await store.fills_after(mark)
            seen.extend((fill.user, fill.tid) for fill in fills)
            if last_round:
                return

    users = [Address(f"0x{n:040x}") for n in range(4)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        async with asyncio.TaskGroup() as writers:
            for user in users:
                writers.create_task(write(user))
        done.set()
    assert len(seen) == len(set(seen)) == 4 * 200


async def test_two_writers_of_the_same_fills_neither_deadlock_nor_double(database: Database) -> None:
    store = Fills(database)
    fills = [a_fill(n) for n in range(300)]
    added = await asyncio.gather(
        *(store.add_fills(random.Random(k).sample(fills, len(fills)), "api") for k in range(6))
    )
    assert sum(added) == 300
    assert await store.fills_of(ALICE) == fills
