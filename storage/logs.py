"""Every request to the exchange, written in batches, so that none waits for the database."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import structlog

from core.errors import StorageError
from storage.statements import statements

if TYPE_CHECKING:
    from storage.database import Database

log = structlog.get_logger(__name__)

SQL = statements("logs")
WRITE_EVERY_S = 2.0
KEPT = 20_000
"""Requests kept while the database is away; beyond it the oldest are dropped."""

_Row = tuple[int, str, int, int | None, float, bool]


class RequestLogs:
    """The table ``api_logs``."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._rows: deque[_Row] = deque(maxlen=KEPT)

    def note(
        self, *, endpoint: str, weight: int, status: int | None, latency_ms: float, time_ms: int
    ) -> None:
        """Take note of one request; ``status`` None: no answer came. Never waits."""
        is_failure = status is None or status >= 400
        self._rows.append((time_ms, endpoint, weight, status, latency_ms, is_failure))

    async def run(self) -> None:
        """Write what was noted every few seconds until cancelled, then once more."""
        try:
            while True:
                await asyncio.sleep(WRITE_EVERY_S)
                await self._try_flush()
        finally:
            await self._try_flush()

    async def flush(self) -> None:
        """Write what was noted; on failure it is kept for the next time."""
        rows, self._rows = self._rows, deque(maxlen=KEPT)
        if not rows:
            return
        try:
            async with self._database.connection() as connection:
                await connection.execute(SQL["add"], *(list(column) for column in zip(*rows, strict=True)))
        except BaseException:
            self._rows.extendleft(reversed(rows))
            raise

    async def forget_before(self, moment_ms: int) -> int:
        """Delete requests older than a moment and return how many."""
        async with self._database.connection() as connection:
            done = await connection.execute(SQL["forget"], moment_ms)
        return int(done.rsplit(" ", 1)[-1])

    async def _try_flush(self) -> None:
        try:
            await self.flush()
        except StorageError as error:
            # only for diagnosis: whoever waits for the database says that it is away
            log.debug("requests couldn't be logged yet", error=str(error), waiting=len(self._rows))
