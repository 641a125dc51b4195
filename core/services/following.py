"""Keeps detection watching whomever a chat follows."""

from collections.abc import Awaitable, Callable, Sequence

from core.errors import StorageError
from core.model.market import Address
from core.ports import Sleep
from core.trouble import Trouble

LOOK_EVERY_S = 5.0


class FollowService:
    """Look whom chats follow, which they may change at any moment and from any process."""

    def __init__(
        self,
        followed: Callable[[], Awaitable[Sequence[Address]]],
        follow: Callable[[frozenset[Address]], None],
        sleep: Sleep,
        database: Trouble,
    ) -> None:
        """``database``: its trouble, which all who use the same one share."""
        self._followed = followed
        self._follow = follow
        self._sleep = sleep
        self._database = database

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await self._sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Watch whoever is followed now."""
        try:
            self._follow(frozenset(await self._followed()))
            self._database.passed("follows")
        except StorageError as error:
            self._database.met("follows", error)
