"""What chats want and were told, held in memory beside the rows of their table: a store's stand-in.

``tests/bot/test_wishes.py`` and its neighbours ask the real one.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from bot.stores import Stores
from core.model.alerts import Target
from core.model.chats import ChatSettings, Follow, Mute
from core.model.market import Address, Coin
from core.model.notices import RequestFacts


@dataclass
class WishRows:
    """Settings, follows and mutes; the first two are in the chat's row."""

    chats: Any
    muted: dict[tuple[Target, str], int] = field(default_factory=dict)

    async def save_settings(self, target: Target, settings: ChatSettings) -> None:
        self.chats.rows[target] = replace(self.chats.rows[target], settings=settings)

    async def follow(self, target: Target, address: Address, label: str | None) -> None:
        chat = self.chats.rows[target]
        others = tuple(one for one in chat.follows if one.address != address)
        self.chats.rows[target] = replace(chat, follows=(*others, Follow(address, label)))

    async def unfollow(self, target: Target, address: Address) -> bool:
        chat = self.chats.rows[target]
        kept = tuple(one for one in chat.follows if one.address != address)
        self.chats.rows[target] = replace(chat, follows=kept)
        return len(kept) < len(chat.follows)

    async def followed(self) -> list[Address]:
        return [one.address for chat in self.chats.rows.values() for one in chat.follows]

    async def mute(self, target: Target, what: str, until_ms: int) -> None:
        self.muted[target, what] = until_ms

    async def unmute(self, target: Target, what: str | None) -> int:
        gone = [key for key in self.muted if key[0] == target and what in (None, key[1])]
        for key in gone:
            del self.muted[key]
        return len(gone)

    async def forget_mutes(self, now_ms: int) -> None:
        self.muted = {key: until_ms for key, until_ms in self.muted.items() if until_ms > now_ms}

    async def mutes(self, target: Target, now_ms: int) -> tuple[Mute, ...]:
        return tuple(
            Mute(what, until_ms)
            for (where, what), until_ms in self.muted.items()
            if where == target and until_ms > now_ms
        )


@dataclass
class NothingTold:
    """A young installation: nothing was alerted or stopped; what is queued is kept."""

    queued: list[tuple[str, Target | str]] = field(default_factory=list)

    async def own_entries(self, target: Target, since_ms: int) -> list[Any]:
        return []

    async def lost(self, target: Target, since_ms: int) -> dict[Any, Any]:
        return {}

    async def near_misses(self, **_: Any) -> list[Any]:
        return []

    async def stopped(self, **_: Any) -> dict[Any, int]:
        return {}

    async def busiest_coins(self, since_ms: int, limit: int) -> list[Coin]:
        return []

    async def add_test(self, target: Target, now_ms: int) -> int:
        self.queued.append(("test", target))
        return 1

    async def ask_owner(self, request: RequestFacts, now_ms: int) -> bool:
        self.queued.append(("request", request.target))
        return True

    async def tell_admitted(self, target: Target, request: RequestFacts, now_ms: int) -> None:
        self.queued.append(("admitted", target))

    async def health(self, facts: Any, now_ms: int) -> bool:
        return True


def made_up_stores(chats: Any) -> tuple[Stores, NothingTold]:
    """Return stores over rows of chats, and what gets queued."""
    told: Any = NothingTold()
    return Stores(chats, WishRows(chats), told, told, told), told
