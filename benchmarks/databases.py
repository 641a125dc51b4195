"""A PostgreSQL server, set up as the product sets up its own, and fresh databases on it."""

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from storage.embedded import embedded_server
from storage.migrate import migrate


@asynccontextmanager
async def server() -> AsyncIterator[tuple[str, Path]]:
    """Run a server with the product's settings in a folder of its own; yield DSN and folder."""
    home = Path(tempfile.mkdtemp(prefix="hyperfade-bench-"))
    try:
        async with embedded_server(home) as dsn:
            yield dsn, home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def fresh_database(dsn: str, name: str) -> AsyncIterator[str]:
    """Make a migrated database and yield its DSN; drop it at exit. Earlier work is flushed first."""
    async with _connected(dsn) as connection:
        await connection.execute(f'create database "{name}" template template0')
    own = urlsplit(dsn)._replace(path=f"/{name}").geturl()
    try:
        await migrate(own)
        async with _connected(dsn) as connection:
            await connection.execute("checkpoint")
        yield own
    finally:
        async with _connected(dsn) as connection:
            await connection.execute(f'drop database "{name}" with (force)')


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()
