"""Let a test wait for what a server sees, without sleeping."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 5.0


class Changes:
    """Wake waiting tests whenever the server's state has changed."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def announce(self) -> None:
        """Say that something changed, so that everybody who waits looks again."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def until(
        self,
        condition: Callable[[], T],
        seconds: float = PATIENCE_SECONDS,
        otherwise: Callable[[], str] = lambda: "",
    ) -> T:
        """Return the condition's first true value, or fail after so many seconds.

        `otherwise` describes the state for the failure's text.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            # Registered before looking, so that no change between the two is missed.
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.add(waiter)
            try:
                value = condition()
                if value:
                    return value
                remaining = deadline - asyncio.get_running_loop().time()
                if remaining <= 0:
                    raise AssertionError(f"nothing came within {seconds} s; {otherwise()}")
                await asyncio.wait([waiter], timeout=min(remaining, 3600.0))
            finally:
                self._waiting.discard(waiter)
