"""One process that collects and publishes per database: a lock that the server drops when it dies."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg
import structlog

from core.errors import AlreadyRunning, StorageError
from storage.database import address, translated, wait_until_started

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

log = structlog.get_logger(__name__)

_SPACE, _NAME = 0x68797065, 0x6F776E72
_KEY = _SPACE << 32 | _NAME
_CONNECT_S = 10.0
_LOOK_EVERY_S = 5.0
_RETRY_S = 0.5

_AT_START, _AGAIN = "3s", "100ms"
"""How long another's lock is waited for: who was killed a moment ago is gone before that; but who took it
while ours was lost publishes already."""

_SESSION = {
    # A machine that vanished without a word releases the lock after a minute, not after two hours.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_HOLDER = """
select a.pid, a.application_name
from pg_locks l join pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
    and l.database = (select oid from pg_database where datname = current_database())
    and l.classid::bigint = $1 and l.objid::bigint = $2
"""


@asynccontextmanager
async def owned(dsn: str) -> AsyncIterator[None]:
    """Be the one process that publishes from this database for as long as the body runs.

    A lock that is lost with its connection is taken again in the background. Raise AlreadyRunning
    when another process holds it: at once, or later, after the body was cancelled.
    """
    await wait_until_started(dsn)
    lock = _Lock(dsn)
    await lock.take()
    body = asyncio.current_task()
    assert body is not None
    keeping = asyncio.create_task(lock.keep(), name="keep the database's lock")
    keeping.add_done_callback(lambda done: None if done.cancelled() else body.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if keeping.done() and not keeping.cancelled() and body.uncancel() == 0:
            keeping.result()
        raise
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await lock.release()


class _Lock:
    """The lock and the connection that it lives on."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        # Says in the server's own lists who it is, and differs for every process of the world.
        self._me = f"hyperfade {socket.gethostname()[:28]}:{os.getpid()} {secrets.token_hex(4)}"
        self._connection: Connection | None = None

    async def take(self, patience: str = _AT_START) -> None:
        """Take the lock on a connection of its own; raise AlreadyRunning when somebody has it."""
        with translated(self._dsn):
            connection = await asyncpg.connect(
                self._dsn,
                timeout=_CONNECT_S,
                command_timeout=_CONNECT_S,
                server_settings={"application_name": self._me},
            )
            try:
                await self._locked(connection, patience)
            except BaseException:
                connection.terminate()
                raise
        self._connection = connection

    async def _locked(self, connection: "Connection", patience: str) -> None:
        for name, value in {**_SESSION, "lock_timeout": patience}.items():
            await connection.execute("select set_config($1, $2, false)", name, value)
        while True:
            try:
                await connection.execute("select pg_advisory_lock($1)", _KEY)
                return
            except asyncpg.LockNotAvailableError:
                holder = await connection.fetchrow(_HOLDER, _SPACE, _NAME)
            if holder is not None and holder["application_name"] != self._me:
                raise AlreadyRunning(
                    f"another Hyperfade process ({_named(holder['application_name'])}) publishes from the "
                    f"database {address(self._dsn)}; stop it first, or give this one its own database with "
                    "HYPERFADE_DATABASE_URL"
                ) from None
            if holder is not None:
                # Our own connection before this one: the server hasn't noticed yet that it broke.
                await connection.execute("select pg_terminate_backend($1)", holder["pid"])

    async def keep(self) -> None:
        """Take the lock again whenever it is lost; raise AlreadyRunning when it is another's by then."""
        while True:
            await self._lost()
            await self.release()
            log.warning("the database's lock is lost with its connection; taking it again")
            while self._connection is None:
                try:
                    await self.take(_AGAIN)
                except AlreadyRunning:
                    raise
                except StorageError:
                    await asyncio.sleep(_RETRY_S)
            log.info("the database's lock is held again")

    async def _lost(self) -> None:
        """Wait until the connection is gone, or doesn't answer any more."""
        connection = self._connection
        assert connection is not None
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        while not (gone.is_set() or connection.is_closed()):
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await gone.wait()
            except TimeoutError:
                try:
                    await connection.execute("select 1")
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                    return

    async def release(self) -> None:
        """Close the connection, which gives the lock back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await connection.close(timeout=_CONNECT_S)


def _named(application: str | None) -> str:
    """Return ``host:pid`` of a lock's holder, as it called itself."""
    words = (application or "").split()
    return words[1] if len(words) > 1 else "it doesn't say which"
