"""Sends each chat its digest when it is due."""

from collections.abc import Callable

import structlog

from core.digests import due_digest
from core.errors import StorageError
from core.ports import Clock, DigestStore, Sleep
from core.time_zones import zone_of
from core.trouble import Trouble

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 15.0


class DigestService:
    """Look whose digest is due; what was missed while nobody ran is found at the start."""

    def __init__(
        self,
        store: DigestStore,
        evidence: Callable[[], str],
        clock: Clock,
        sleep: Sleep,
        database: Trouble,
    ) -> None:
        """``evidence``: the verdict in one sentence. ``database``: its trouble, which all share."""
        self._store = store
        self._evidence = evidence
        self._clock = clock
        self._sleep = sleep
        self._database = database

    async def run(self) -> None:
        """Look until cancelled; not at once, so that the verdict is there."""
        while True:
            await self._sleep(LOOK_EVERY_S)
            try:
                await self.look()
                self._database.passed("digests")
            except StorageError as error:
                self._database.met("digests", error)

    async def look(self) -> int:
        """Write all digests that are due now; return how many. Raises StorageError."""
        written = 0
        now_ms = self._clock.now_ms()
        for chat in await self._store.digest_chats(now_ms):
            due = due_digest(chat, zone_of(chat.settings.time_zone), now_ms)
            if due is not None and await self._store.add_digest(chat.target, due, self._evidence(), now_ms):
                written += 1
        if written:
            log.debug("digests written", digests=written)
        return written
