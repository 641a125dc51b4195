"""The PostgreSQL server that runs when the user names none: one per data folder."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from core.errors import AlreadyRunning
from storage.cluster import Cluster, in_thread
from storage.home import home_lock, unusable

_STARTING_S = 10.0
_POLL_S = 0.1

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No replica ever follows this server: less is written ahead.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "max_connections": "60",
    # Short statements all of them: compiling them costs more than it saves.
    "jit": "off",
    # Parallel workers need /dev/shm, which containers keep at 64 MB.
    "max_parallel_workers_per_gather": "0",
}


@asynccontextmanager
async def embedded_server(
    home: Path, *, settings: Mapping[str, str] | None = None, briefly: bool = False
) -> AsyncIterator[str]:
    """Run the folder's own server and yield its DSN; stop it at exit.

    A server left behind by a killed process is adopted. Raise AlreadyRunning when another process
    holds the folder, StorageError when the server can't start. ``briefly``: see ``home_lock``.
    """
    async with home_lock(home, briefly=briefly):
        server = await in_thread(lambda: Cluster.prepared(home))
        try:
            await server.ensure_running({**_SETTINGS, **(settings or {})})
            yield server.dsn
        finally:
            # A listing that borrowed the server meanwhile may finish first.
            await in_thread(lambda: server.stop("smart" if briefly else "fast"))


def embedded_dsn(home: Path) -> str:
    """Return where a folder's own server is, while it runs."""
    return Cluster(home, None).dsn


async def running_server(home: Path) -> str | None:
    """Return the DSN of the folder's server when one is running, without touching the lock."""
    try:
        server = Cluster(home, None)
        postmaster = server.postmaster()
        if postmaster is None or not postmaster.is_ready or not server.is_ours(postmaster.pid):
            return None
    except OSError as error:
        raise unusable(home, error) from error
    return server.dsn if await server.is_reachable(patience_s=0) else None


@asynccontextmanager
async def borrowed_server(home: Path) -> AsyncIterator[str]:
    """Yield the DSN of the running server, or of one started for the moment: for reading commands."""
    async with AsyncExitStack() as stack:
        yield await _borrow(home, stack)


async def _borrow(home: Path, stack: AsyncExitStack) -> str:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        if dsn := await running_server(home):
            return dsn
        try:
            return await stack.enter_async_context(embedded_server(home, briefly=True))
        except AlreadyRunning:
            # Somebody is just starting or stopping it.
            if loop.time() - begun > _STARTING_S:
                raise
        await asyncio.sleep(_POLL_S)
