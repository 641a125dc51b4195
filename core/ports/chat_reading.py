"""What chats ask about themselves and about what was not alerted."""

from collections.abc import Mapping
from typing import Protocol

from core.model.alerts import AlertKind, DeliveryState, Target
from core.model.chat_answers import OwnEntry
from core.model.market import Address, Coin
from core.model.opportunities import Decision, Rejection


class ChatReader(Protocol):
    """Reads a chat's own alerts, and near misses; the control's are never among them."""

    async def own_entries(self, target: Target, since_ms: int) -> list[OwnEntry]:
        """Return a chat's entries published since then, oldest first."""
        ...

    async def lost(self, target: Target, since_ms: int) -> Mapping[AlertKind, Mapping[DeliveryState, int]]:
        """Count a chat's messages written since then that didn't come for sure, entries aside."""
        ...

    async def near_misses(
        self, *, coin: Coin | None, account: Address | None, since_ms: int, limit: int
    ) -> list[Decision]:
        """Return losers' entries that a rule stopped, newest first."""
        ...

    async def stopped(
        self, *, coin: Coin | None, account: Address | None, since_ms: int
    ) -> Mapping[Rejection, int]:
        """Return how many entries each rule stopped, the most frequent first."""
        ...

    async def busiest_coins(self, since_ms: int, limit: int) -> list[Coin]:
        """Return the coins of most opportunities, the most frequent first."""
        ...
