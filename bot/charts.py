"""Pictures beside answers: what commands ask for, whoever draws them."""

from typing import Protocol

from bot.requests import Picture
from core.model.answers import PerformanceAnswer, TraderAnswer


class Charts(Protocol):
    """Draws in bounded time and never raises: no picture is no reason to give no answer."""

    async def trader(self, answer: TraderAnswer) -> Picture | None:
        """Return a trader's equity and round trips, or None where nothing can be shown."""
        ...

    async def performance(self, answer: PerformanceAnswer) -> Picture | None:
        """Return what the alerts made beside the placebo, or None where nothing can be shown."""
        ...
