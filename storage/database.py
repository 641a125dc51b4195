"""The pool, its codecs, transactions, and what the driver's errors mean to a user."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qs, urlsplit

import asyncpg

from core.errors import StorageError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Record: TypeAlias = asyncpg.Record

OLDEST_SERVER = 14
_CONNECT_S = 10.0
_COMMAND_S = 120.0
_STARTING_S = 15.0
_JSONB_VERSION = b"\x01"


class Database:
    """A pool of connections to one database; every error leaves it as StorageError."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", dsn: str) -> None:
        self._pool = pool
        self._dsn = dsn

    @property
    def dsn(self) -> str:
        """Return where it is, the password included: for a connection of its own, never for a message."""
        return self._dsn

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Connection"]:
        """Lend a connection; each statement is its own transaction."""
        with translated(self._dsn):
            async with self._pool.acquire(timeout=_COMMAND_S) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Connection"]:
        """Lend a connection inside a transaction: all of it or nothing."""
        with translated(self._dsn):
            async with self._pool.acquire(timeout=_COMMAND_S) as connection, connection.transaction():
                yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["Connection"]:
        """Lend a connection whose statements all see the same moment."""
        with translated(self._dsn):
            async with (
                self._pool.acquire(timeout=_COMMAND_S) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield connection

    @asynccontextmanager
    async def dedicated(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Open a connection outside the pool, for listening."""
        async with connected(self._dsn) as connection:
            yield connection


@asynccontextmanager
async def open_database(dsn: str, *, max_connections: int = 10) -> AsyncIterator[Database]:
    """Open a pool on a migrated database and close it at exit; raise StorageError when it can't."""
    await wait_until_started(dsn)
    with translated(dsn):
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=max_connections,
            init=_set_codecs,
            reset=_leave_session,
            timeout=_CONNECT_S,
            command_timeout=_COMMAND_S,
            server_settings={"application_name": "hyperfade"},
        )
    try:
        yield Database(pool, dsn)
    finally:
        try:
            await asyncio.wait_for(pool.close(), _CONNECT_S)
        except (TimeoutError, OSError, asyncpg.PostgresError, *_CONFUSED):
            # The server went first, or a borrower hangs: nothing of ours is lost by cutting.
            pool.terminate()


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Open one connection with our codecs and close it at exit."""
    with translated(dsn):
        connection = await asyncpg.connect(
            dsn,
            timeout=_CONNECT_S,
            command_timeout=_COMMAND_S,
            server_settings={"application_name": "hyperfade"},
        )
        try:
            await _set_codecs(connection)
            yield connection
        finally:
            await connection.close(timeout=_CONNECT_S)


async def wait_until_started(dsn: str) -> None:
    """Give a server that is just starting (a container beside ours) a moment; check its version."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        try:
            async with connected(dsn) as connection:
                check_version(connection)
                return
        except StorageError as error:
            starting = isinstance(error.__cause__, asyncpg.CannotConnectNowError)
            if not starting or loop.time() - begun > _STARTING_S:
                raise
        await asyncio.sleep(0.1)


def check_version(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Refuse a server older than we are tested with."""
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        raise StorageError(
            f"the server is PostgreSQL {version.major}.{version.minor}; Hyperfade needs {OLDEST_SERVER} "
            "or newer"
        )


async def _leave_session(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Reset nothing when a connection returns: the driver's own reset costs each statement a round trip.

    Nothing of ours outlives its transaction (locks, settings), and an open one the driver ends itself.
    """


async def _set_codecs(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Pass jsonb through as bytes: ``storage.values`` knows the types."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda raw: _JSONB_VERSION + raw,
        decoder=lambda raw: raw[1:],
        format="binary",
    )


def address(dsn: str) -> str:
    """Return where a DSN leads, for messages: never the password."""
    try:
        parts = urlsplit(dsn)
        host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the server named by HYPERFADE_DATABASE_URL"
    return f"{parts.path.lstrip('/') or 'the default database'} on {host}{port}"


def _check_shape(dsn: str) -> None:
    try:
        parts = urlsplit(dsn)
        fits = parts.scheme in ("postgresql", "postgres") and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        # The driver's own message may quote a piece of the password.
        raise StorageError(
            "HYPERFADE_DATABASE_URL isn't an address like postgresql://user:password@host:5432/database; "
            "write special characters of the password as %XX"
        )


_CLOSED = "closed the connection; nothing accepted is lost, it will be tried again"
_CONFUSED = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises on a connection that is going; the second after a server's last words only."""

_HINTS: tuple[tuple[type[Exception], str], ...] = (
    (asyncpg.InvalidPasswordError, "refused user or password; correct HYPERFADE_DATABASE_URL"),
    (asyncpg.InvalidAuthorizationSpecificationError, "refused the user; correct HYPERFADE_DATABASE_URL"),
    (asyncpg.InvalidCatalogNameError, "has no such database; make it with createdb"),
    (asyncpg.TooManyConnectionsError, "has no connection left; raise its max_connections"),
    (asyncpg.CannotConnectNowError, "is starting or stopping; try again in a moment"),
    (asyncpg.InsufficientPrivilegeError, "lacks a permission for this user; grant it"),
    (asyncpg.DiskFullError, "has no disk space left; make room, then start again"),
    (asyncpg.UndefinedTableError, "isn't set up; run `hyperfade migrate`"),
    (asyncpg.ReadOnlySQLTransactionError, "is read-only; name its primary server"),
    *((kind, _CLOSED) for kind in (*_CONFUSED, asyncpg.PostgresConnectionError)),
    (TimeoutError, "doesn't answer in time; is it overloaded or unreachable?"),
    (ConnectionError, "refuses connections; is it running? check HYPERFADE_DATABASE_URL"),
    (OSError, "can't be reached; is it running? check HYPERFADE_DATABASE_URL"),
)


@contextmanager
def translated(dsn: str) -> Iterator[None]:
    """Turn the driver's errors into StorageError with what to do; the cause is chained."""
    _check_shape(dsn)
    try:
        yield
    except StorageError:
        raise
    except (asyncpg.PostgresError, *_CONFUSED, OSError) as error:
        for kind, hint in _HINTS:
            if isinstance(error, kind):
                detail = f" ({error})" if isinstance(error, asyncpg.PostgresError) else ""
                raise StorageError(f"the database {address(dsn)} {hint}{detail}") from error
        raise StorageError(f"the database {address(dsn)} refuses: {error}") from error
