"""What a server needs from what it serves: the simulated market or a recording; changes with that need."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

Json = Any


class BadRequest(Exception):
    """The request can't be read as any known one: HTTP 422."""


class WireTrade(NamedTuple):
    """One trade as sent, and what it put into the fills of the accounts that can be asked for."""

    coin: str
    trade: dict[str, Json]
    fills: tuple[tuple[str, dict[str, Json], int], ...]  # user, fill, TWAP id or 0


class Venue(Protocol):
    """An exchange without its sockets. Times are ms; answers are JSON-ready."""

    def now(self) -> int:
        """Return the venue's time."""

    def coins(self) -> frozenset[str]:
        """Return every coin that can be subscribed to."""

    def advance(self) -> list[WireTrade]:
        """Let time pass up to now; return the new trades in order."""

    def recent(self, coin: str) -> list[Json]:
        """Return the last trades of a coin, at most 30, oldest first."""

    def answer(self, request: Mapping[str, Json]) -> Json:
        """Answer an info request; raise BadRequest if it can't be read."""

    def book(self, coin: str, figures: int | None, levels: int) -> Json:
        """Return an `l2Book`."""

    def best(self, coin: str) -> Json:
        """Return a `bbo`."""

    def context(self, coin: str) -> tuple[str, Json]:
        """Return the channel name and the asset context of a coin."""

    def contexts(self) -> list[Json]:
        """Return `[dex, contexts]` of every dex."""

    def mids(self, dex: str) -> Json:
        """Return all mids of a dex."""

    def fast_contexts(self, before: dict[str, Json]) -> tuple[dict[str, Json], str | None]:
        """Return the current marks and mids, and the packed difference to `before`, None if there is none."""

    def candle(self, coin: str, interval: str) -> Json:
        """Return the unfinished candle."""

    def leaderboard(self) -> Json:
        """Make the leaderboard (slow; may run in a thread)."""

    def vaults(self) -> Json:
        """Make the vault list (slow; may run in a thread)."""

    def stop(self) -> None:
        """Let slow work in a thread end at once; its result is of no use any more."""
