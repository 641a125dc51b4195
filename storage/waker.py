"""Wakes a dispatcher when alerts are written: a hint beside its polling."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

import structlog

from core.errors import StorageError

if TYPE_CHECKING:
    from storage.database import Database

log = structlog.get_logger(__name__)

CHANNEL = "outbox"


class Waker:
    """Listens on a connection of its own and opens another when that one dies.

    A context manager. The first ``wait`` after (re)connecting returns at once: what was written
    while nobody listened is in the table.
    """

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._woken = asyncio.Event()
        self._connection: AsyncExitStack | None = None
        self._connecting = asyncio.Lock()
        self._is_told = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def wait(self, timeout_s: float) -> None:
        """Return when something was written, or after ``timeout_s``, whichever is first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ensure_listening()
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def _ensure_listening(self) -> None:
        async with self._connecting:
            if self._connection is not None:
                return
            async with AsyncExitStack() as stack:
                try:
                    connection = await stack.enter_async_context(self._database.dedicated())
                    connection.add_termination_listener(self._lost)
                    await connection.add_listener(CHANNEL, self._hear)
                except StorageError as error:
                    # Polling goes on; the next wait tries again.
                    if not self._is_told:
                        log.warning("not told of new alerts: they are looked for instead", error=str(error))
                    self._is_told = True
                    return
                self._connection, self._is_told = stack.pop_all(), False
            self._woken.set()

    def _hear(self, *_: object) -> None:
        self._woken.set()

    def _lost(self, *_: object) -> None:
        self._connection = None
        self._woken.set()

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.aclose()
