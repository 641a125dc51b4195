"""One publishing process per database: the lock, its loss, and who has it then."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from core.errors import AlreadyRunning
from storage import ownership
from storage.ownership import owned
from tests.support.postgres import admin

pytestmark = pytest.mark.asyncio

HOLDERS = (
    "select pid from pg_locks where locktype = 'advisory' and granted "
    "and classid::bigint = $1 and objid::bigint = $2 "
    "and database = (select oid from pg_database where datname = current_database())"
)


async def holders(connection: Any) -> list[int]:
    rows = await connection.fetch(HOLDERS, ownership._SPACE, ownership._NAME)
    return [row["pid"] for row in rows]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Look until it is so: the server tells nobody who holds or waits for a lock."""
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110  there is no event
            await asyncio.sleep(0.01)


async def test_a_second_process_is_refused_and_told_which_is_the_first(database_dsn: str) -> None:
    async with owned(database_dsn):
        with pytest.raises(AlreadyRunning, match=r"another Hyperfade process \(\S+:\d+\)") as refused:
            async with owned(database_dsn):
                pass
        assert "HYPERFADE_DATABASE_URL" in str(refused.value)
    async with owned(database_dsn):
        pass


async def test_other_databases_of_the_server_are_free(database_dsn: str, empty_dsn: str) -> None:
    async with owned(database_dsn), owned(empty_dsn):
        pass


async def test_a_lock_that_was_lost_is_taken_again(database_dsn: str) -> None:
    async with owned(database_dsn), admin(database_dsn) as knife:
        [first] = await holders(knife)
        await knife.execute("select pg_terminate_backend($1)", first)

        async def is_taken_again() -> bool:
            return await holders(knife) not in ([], [first])

        await until(is_taken_again)
        with pytest.raises(AlreadyRunning):
            async with owned(database_dsn):
                pass


async def test_who_finds_its_lost_lock_taken_by_another_stops(database_dsn: str) -> None:
    reached = asyncio.Event()

    async def publish() -> None:
        async with owned(database_dsn):
            reached.set()
            await asyncio.sleep(60)

    async with admin(database_dsn) as knife, admin(database_dsn) as rival:
        first = asyncio.create_task(publish())
        await reached.wait()
        waiting = asyncio.create_task(rival.execute("select pg_advisory_lock($1)", ownership._KEY))
        [holder] = await holders(knife)

        async def is_waiting() -> bool:
            return bool(await knife.fetchval("select count(*) from pg_locks where not granted"))

        await until(is_waiting)
        await knife.execute("select pg_terminate_backend($1)", holder)
        await waiting
        with pytest.raises(AlreadyRunning):
            await first


async def test_being_cancelled_is_no_loss(database_dsn: str) -> None:
    reached = asyncio.Event()

    async def publish() -> None:
        async with owned(database_dsn):
            reached.set()
            await asyncio.sleep(60)

    first = asyncio.create_task(publish())
    await reached.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    async with owned(database_dsn):
        pass
