"""One after another in each chat, all chats at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.model.alerts import Target


class Turns:
    """Who waits for whom; a chat in which nobody waits is forgotten."""

    def __init__(self) -> None:
        self._turns: dict[Target, tuple[asyncio.Lock, int]] = {}

    def __len__(self) -> int:
        """Return in how many chats somebody is at work."""
        return len(self._turns)

    @asynccontextmanager
    async def of(self, target: Target) -> AsyncIterator[None]:
        """Wait until whoever came earlier in this chat is done."""
        lock, waiting = self._turns.get(target, (asyncio.Lock(), 0))
        self._turns[target] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            lock, waiting = self._turns[target]
            if waiting == 1:
                del self._turns[target]
            else:
                self._turns[target] = (lock, waiting - 1)
