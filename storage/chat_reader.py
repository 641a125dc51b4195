"""What chats ask about themselves, and about what was not alerted."""

from typing import TYPE_CHECKING

from core.model.alerts import AlertKind, DeliveryState, Target
from core.model.chat_answers import OwnEntry
from core.model.chats import HeldBecause
from core.model.market import Address, Coin
from core.model.opportunities import Decision, Rejection
from storage.statements import statements
from storage.values import from_json

if TYPE_CHECKING:
    from storage.database import Database

SQL = statements("chat_reader")


class ChatReader:
    """Reads ``alerts`` by chat, and ``decisions`` that a rule stopped."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def own_entries(self, target: Target, since_ms: int) -> list[OwnEntry]:
        """Return a chat's entries published since then, oldest first."""
        key = (target.channel.value, target.chat, target.thread)
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["own_entries"], *key, since_ms)
        return [
            OwnEntry(
                opportunity_id=row["opportunity_id"],
                state=DeliveryState(row["state"]),
                held_because=None if row["held_because"] is None else HeldBecause(row["held_because"]),
                published_ms=row["published_ms"],
                sent_ms=row["sent_ms"],
                is_lost=row["is_lost"],
            )
            for row in rows
        ]

    async def lost(self, target: Target, since_ms: int) -> dict[AlertKind, dict[DeliveryState, int]]:
        """Count a chat's messages written since then that didn't come for sure, entries aside."""
        key = (target.channel.value, target.chat, target.thread)
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["lost"], *key, since_ms)
        found: dict[AlertKind, dict[DeliveryState, int]] = {}
        for row in rows:
            found.setdefault(AlertKind(row["kind"]), {})[DeliveryState(row["state"])] = row["n"]
        return found

    async def near_misses(
        self, *, coin: Coin | None, account: Address | None, since_ms: int, limit: int
    ) -> list[Decision]:
        """Return losers' entries that a rule stopped, newest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["near_misses"], coin, account, since_ms, limit)
        return [from_json(row["decision"], Decision) for row in rows]

    async def stopped(
        self, *, coin: Coin | None, account: Address | None, since_ms: int
    ) -> dict[Rejection, int]:
        """Return how many entries each rule stopped, the most frequent first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["stopped"], coin, account, since_ms)
        return {Rejection(row["rejection"]): row["n"] for row in rows}

    async def busiest_coins(self, since_ms: int, limit: int) -> list[Coin]:
        """Return the coins of most opportunities, the most frequent first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["busiest_coins"], since_ms, limit)
        return [Coin(row["coin"]) for row in rows]
