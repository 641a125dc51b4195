"""An update is handled once, also by the next process."""

import asyncio

import pytest

from core.model.alerts import Channel
from storage.database import Database
from storage.updates import HandledUpdates

pytestmark = pytest.mark.asyncio


async def test_an_update_is_new_once_and_platforms_count_for_themselves(database: Database) -> None:
    telegram = HandledUpdates(database, Channel.TELEGRAM)
    assert [await telegram.is_new(one) for one in (7, 8, 7, 2**62)] == [True, True, False, True]
    assert await HandledUpdates(database, Channel.DISCORD).is_new(7)
    assert not await HandledUpdates(database, Channel.TELEGRAM).is_new(8)


async def test_of_two_deliveries_at_once_one_is_new(database: Database) -> None:
    updates = HandledUpdates(database, Channel.TELEGRAM)
    assert sorted(await asyncio.gather(*(updates.is_new(7) for _ in range(5)))) == [False] * 4 + [True]


async def test_what_cannot_come_again_is_forgotten(database: Database) -> None:
    updates = HandledUpdates(database, Channel.TELEGRAM)
    await updates.is_new(1)
    await updates.is_new(2)
    async with database.connection() as connection:
        await connection.execute(
            "update handled_updates set handled_at = now() - interval '3 days' where update_id = 1"
        )
        await updates.is_new(3)
        kept = await connection.fetch("select update_id from handled_updates order by 1")
    assert [row["update_id"] for row in kept] == [2, 3]
