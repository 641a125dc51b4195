"""Time: where it comes from, and how it is waited for."""

from collections.abc import Awaitable, Callable
from typing import Protocol


class Clock(Protocol):
    """Where time comes from: the wall in live hours, the data in replay."""

    def now_ms(self) -> int:
        """Return UTC milliseconds since the epoch."""
        ...


Sleep = Callable[[float], Awaitable[None]]
