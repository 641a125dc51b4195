"""The driver's errors leave the room as ours, and the pool outlives a lost server."""

import asyncio
import contextlib
from decimal import Decimal

import pytest

from core.errors import StorageError
from core.model.fills import Fill
from storage.database import Database, address
from storage.fills import Fills
from storage.logs import RequestLogs
from storage.reader import Reader
from storage.values import from_json, to_json
from tests.support.fill_values import ALICE, a_fill

pytestmark = pytest.mark.asyncio


async def test_a_lost_connection_is_replaced_at_the_next_use(database: Database) -> None:
    fills = Fills(database)
    await fills.add_fills([a_fill(1)], "api")
    with pytest.raises(StorageError):
        async with database.connection() as connection:
            await connection.fetchval("select pg_terminate_backend(pg_backend_pid())")
    assert await fills.fills_of(ALICE) == [a_fill(1)]


async def test_a_server_that_says_goodbye_is_a_lost_connection(database: Database) -> None:
    # Its last words come a moment before the connection ends, and between the two the driver is confused.
    cut = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> $1"
    )

    async def use() -> None:
        while True:
            with contextlib.suppress(StorageError):
                async with database.connection() as connection:
                    await connection.fetchval("select 1")
            await asyncio.sleep(0)

    async with database.dedicated() as knife:
        using = [asyncio.ensure_future(use()) for _ in range(4)]
        for _ in range(40):
            await knife.execute(cut, knife.get_server_pid())
            await asyncio.sleep(0.01)
    for task in using:
        task.cancel()
    ended = await asyncio.gather(*using, return_exceptions=True)

    assert {type(one) for one in ended} == {asyncio.CancelledError}


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    async def write_half() -> None:
        async with database.transaction() as connection:
            await connection.execute("insert into state values ('half', 'done')")
            await connection.execute("select 1 / 0")

    with pytest.raises(StorageError, match="division by zero"):
        await write_half()
    assert await Reader(database).state("half") is None


async def test_a_cancelled_transaction_is_rolled_back(database: Database) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as connection:
            await connection.execute("insert into state values ('half', 'done')")
            inside.set()
            await connection.execute("select pg_sleep(60)")

    writing = asyncio.ensure_future(write())
    await inside.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await Reader(database).state("half") is None


async def test_an_error_of_the_caller_passes_unchanged(database: Database) -> None:
    with pytest.raises(LookupError):
        async with database.transaction():
            raise LookupError


async def test_values_in_json_keep_every_digit(database: Database) -> None:
    fill = a_fill(1, px=Decimal("0.100000000000000000001"), fee=Decimal("-0.0"))
    async with database.connection() as connection:
        raw = await connection.fetchval("select $1::jsonb", to_json(fill))
    assert from_json(raw, Fill) == fill
    assert str(from_json(raw, Fill).px) == "0.100000000000000000001"


async def test_requests_noted_while_the_database_is_away_are_kept(database: Database) -> None:
    logs = RequestLogs(database)
    logs.note(endpoint="meta", weight=20, status=200, latency_ms=1, time_ms=1)
    async with database.connection() as connection:
        await connection.execute("alter table api_logs rename to api_logs_away")
    with pytest.raises(StorageError):
        await logs.flush()
    logs.note(endpoint="meta", weight=20, status=200, latency_ms=1, time_ms=2)
    async with database.connection() as connection:
        await connection.execute("alter table api_logs_away rename to api_logs")
    await logs.flush()
    assert await Reader(database).request_counts(0) == (2, 0)


async def test_stopping_the_log_writes_what_is_left(database: Database) -> None:
    logs = RequestLogs(database)
    running = asyncio.ensure_future(logs.run())
    await asyncio.sleep(0)
    logs.note(endpoint="meta", weight=20, status=None, latency_ms=1, time_ms=1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await Reader(database).request_counts(0) == (1, 1)


async def test_an_address_never_shows_the_password() -> None:
    for dsn in (
        "postgresql://me:hunter2@db.example:5433/fade",
        "postgresql:///fade?host=/run&password=hunter2",
    ):
        assert "hunter2" not in address(dsn)
    assert address("postgresql://me:hunter2@db.example:5433/fade") == "fade on db.example:5433"
