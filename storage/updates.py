"""What a platform delivered already: an update is handled once, also across restarts."""

from typing import TYPE_CHECKING

from core.model.alerts import Channel
from storage.statements import statements

if TYPE_CHECKING:
    from storage.database import Database

SQL = statements("updates")


class HandledUpdates:
    """The table ``handled_updates``, for one platform."""

    def __init__(self, database: "Database", channel: Channel) -> None:
        self._database = database
        self._channel = channel

    async def is_new(self, update_id: int) -> bool:
        """Remember an update; False when it was remembered before."""
        async with self._database.connection() as connection:
            return await connection.fetchval(SQL["note"], self._channel.value, update_id) is not None
