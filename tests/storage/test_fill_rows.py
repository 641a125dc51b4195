"""Few fills are written in one statement, many by COPY: a reader can't tell which."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.model.fills import Fill, Liquidation
from core.model.market import Address, Coin, Side
from storage.database import Database
from storage.fills import Fills
from tests.support.fill_values import ALICE, BOB, a_fill, as_heard

pytestmark = pytest.mark.asyncio

MANY = 50


def odd_fills(user: Address) -> list[Fill]:
    return [
        a_fill(
            1,
            user,
            coin=Coin('xyz:ÄÖ\t\\N\n"'),
            px=Decimal("1284161.8999999999"),
            sz=Decimal("1E+3"),
            side=Side.SELL,
            start_position=Decimal("-0.000000000000000001"),
            dir="a\\b\tc\r\nd'",
            liquidation=Liquidation(BOB, Decimal("1.10"), "market"),
        ),
        replace(as_heard(a_fill(2, user)), crossed=None, hash=None),
        a_fill(3, user, dir="cut\0 here", fee_token="half \ud800 a sign"),
    ]


async def test_few_and_many_are_stored_alike(database: Database) -> None:
    store = Fills(database)
    assert await store.add_fills(odd_fills(ALICE), "feed") == 3
    filler = [a_fill(n, BOB) for n in range(10, MANY)]
    assert await store.add_fills([*odd_fills(BOB), *filler], "feed") == 3 + len(filler)
    alices = [replace(fill, user=BOB) for fill in await store.fills_of(ALICE)]
    assert alices == (await store.fills_of(BOB))[:3]
    assert alices[:2] == odd_fills(BOB)[:2]
    assert (alices[2].dir, alices[2].fee_token) == ("cut here", "half ? a sign")


@pytest.mark.parametrize("count", [2, MANY])
async def test_what_was_heard_is_completed_among_what_is_new(database: Database, count: int) -> None:
    store = Fills(database)
    whole = [a_fill(n) for n in range(count)]
    assert await store.add_fills([as_heard(fill) for fill in whole[: count // 2]], "feed") == count // 2
    assert await store.add_fills(whole, "api") == count - count // 2
    assert await store.fills_of(ALICE) == whole


@pytest.mark.parametrize("count", [2, MANY])
async def test_of_two_reports_in_one_batch_the_fuller_counts(database: Database, count: int) -> None:
    store = Fills(database)
    whole = [a_fill(n) for n in range(count // 2)]
    assert await store.add_fills([*map(as_heard, whole), *whole], "api") == count // 2
    assert await store.fills_of(ALICE) == whole
