"""A real PostgreSQL for tests: one server a session, one migrated template, one clone a test.

``HYPERFADE_TEST_DATABASE_URL`` names another server (its user must be allowed to make databases);
without it the embedded one runs in a folder of its own.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from storage.database import Database, open_database
from storage.embedded import embedded_server
from storage.migrate import migrate

_RISKY_BUT_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""A test's data needn't survive the machine; it makes a clone of the template four times as quick."""

_numbers = itertools.count(1)


def named(dsn: str, database: str) -> str:
    """Return the DSN of another database on the same server."""
    return urlsplit(dsn)._replace(path=f"/{database}").geturl()


@asynccontextmanager
async def admin(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def create(dsn: str, name: str, template: str = "template0") -> None:
    async with admin(dsn) as connection:
        await connection.execute(f'drop database if exists "{name}"')
        await connection.execute(f'create database "{name}" template "{template}" encoding \'UTF8\'')


async def drop(dsn: str, name: str) -> None:
    async with admin(dsn) as connection:
        await connection.execute(f'drop database if exists "{name}" with (force)')


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Run the server of this session and return the DSN of its administrator."""
    if named_server := os.environ.get("HYPERFADE_TEST_DATABASE_URL"):
        yield named_server
        return
    # Not pytest's own folder: it takes away the permission to enter that the server's user needs.
    home = Path(tempfile.mkdtemp(prefix="hyperfade-test-"))
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        server = embedded_server(home, settings=_RISKY_BUT_QUICK)
        dsn = runner.run(server.__aenter__())
        try:
            yield named(dsn, "postgres")
        finally:
            runner.run(server.__aexit__(None, None, None))
            shutil.rmtree(home)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Return the name of a migrated database from which tests are cloned."""
    name = f"hyperfade_template_{os.getpid()}"
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(create(postgres_server, name))
        runner.run(migrate(named(postgres_server, name)))
        yield name
        runner.run(drop(postgres_server, name))


@pytest_asyncio.fixture
async def database_dsn(postgres_server: str, postgres_template: str) -> AsyncIterator[str]:
    """Return the DSN of a fresh, migrated database."""
    name = f"hyperfade_test_{os.getpid()}_{next(_numbers)}"
    await create(postgres_server, name, postgres_template)
    yield named(postgres_server, name)
    await drop(postgres_server, name)


@pytest_asyncio.fixture
async def empty_dsn(postgres_server: str) -> AsyncIterator[str]:
    """Return the DSN of a database without anything in it."""
    name = f"hyperfade_empty_{os.getpid()}_{next(_numbers)}"
    await create(postgres_server, name)
    yield named(postgres_server, name)
    await drop(postgres_server, name)


@pytest_asyncio.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """Open the storage on a fresh, migrated database."""
    async with open_database(database_dsn) as opened:
        yield opened
