"""Webhooks and other services of the settings, as chats that are told like any other."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from core.model.alerts import Channel
from storage.chats import SQL as CHATS_SQL
from storage.statements import statements

if TYPE_CHECKING:
    from storage.database import Database

SQL = statements("destinations")


class Destinations:
    """The rows of ``chats`` that nobody speaks from."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def sync(self, channel: Channel, names: Collection[str]) -> None:
        """Tell exactly these from now on: new ones everything, and those no longer named nothing."""
        async with self._database.transaction() as connection:
            for name in names:
                if (
                    await connection.fetchval(SQL["add"], channel.value, name, f"{channel} {name}")
                    is not None
                ):
                    await connection.execute(SQL["subscribe_to_all"], channel.value, name)
                # Whoever is in the settings is tried again at every start.
                await connection.execute(CHATS_SQL["enable"], channel.value, name, "")
            await connection.execute(SQL["disable_others"], channel.value, list(names))
