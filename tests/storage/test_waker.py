"""A dispatcher is woken by what is written, also after its connection died."""

import asyncio
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from storage.database import Database, open_database
from storage.waker import Waker
from tests.support.postgres import admin
from tests.support.published import publish

pytestmark = pytest.mark.asyncio
LONG_S = 60.0


async def listening(database: Database) -> Waker:
    """Return a waker that has had its first wake-up, which comes at once."""
    waker = Waker(database)
    await waker.wait(LONG_S)
    return waker


async def test_a_publication_wakes(database: Database) -> None:
    async with await listening(database) as waker:
        waiting = asyncio.ensure_future(waker.wait(LONG_S))
        await asyncio.wait([waiting], timeout=0.05)
        assert not waiting.done()
        await publish(database, 1)
        await asyncio.wait_for(waiting, 10)


async def test_what_was_written_between_two_waits_is_not_missed(database: Database) -> None:
    async with await listening(database) as waker:
        await publish(database, 1)
        await asyncio.wait_for(waker.wait(LONG_S), 10)


async def test_without_news_the_time_ends_the_wait(database: Database) -> None:
    async with await listening(database) as waker:
        await asyncio.wait_for(waker.wait(0.05), 10)


async def test_a_lost_connection_wakes_and_is_opened_again(database: Database) -> None:
    async with await listening(database) as waker:
        waiting = asyncio.ensure_future(waker.wait(LONG_S))
        async with database.connection() as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and query like 'LISTEN%'"
            )
        await asyncio.wait_for(waiting, 10)
        await asyncio.wait_for(waker.wait(LONG_S), 10)  # reconnected: a sweep, in case
        await publish(database, 1)
        await asyncio.wait_for(waker.wait(LONG_S), 10)


async def test_while_the_database_is_away_the_time_ends_the_wait(
    postgres_server: str, database_dsn: str
) -> None:
    async with open_database(database_dsn) as database:
        async with admin(postgres_server) as connection:
            name = urlsplit(database_dsn).path.lstrip("/")
            await connection.execute(f'alter database "{name}" allow_connections false')
        async with Waker(database) as waker:
            with capture_logs() as logs:
                for _ in range(3):
                    await asyncio.wait_for(waker.wait(0.2), 10)
            assert [one["event"] for one in logs] == ["not told of new alerts: they are looked for instead"]
            async with admin(postgres_server) as connection:
                await connection.execute(f'alter database "{name}" allow_connections true')
            await asyncio.wait_for(waker.wait(LONG_S), 10)


async def test_a_cancelled_wait_leaves_the_waker_usable(database: Database) -> None:
    async with Waker(database) as waker:
        for _ in range(3):
            waiting = asyncio.ensure_future(waker.wait(LONG_S))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await waker.wait(LONG_S)
        await publish(database, 1)
        await asyncio.wait_for(waker.wait(LONG_S), 10)
