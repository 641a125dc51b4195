"""What detection writes, and what answers read of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.detection.identity import LIVE
from core.model.answers import HeldPosition
from core.model.fills import (
    Fill,
)
from core.model.market import Address, Coin
from core.model.notices import Growth
from core.model.opportunities import Crowd, Decision, Ending, Group, LiveOpportunity
from core.model.outcomes import PriceSample, ScoredOpportunity
from core.model.positions import PositionEvent


@dataclass(frozen=True, slots=True)
class Publication:
    """All that one step of detection writes, in one transaction."""

    fills: tuple[Fill, ...] = ()
    events: tuple[PositionEvent, ...] = ()
    decisions: tuple[Decision, ...] = ()
    """A published one creates the opportunity, its alerts and outbox rows and its ledger entry."""
    endings: tuple[Ending, ...] = ()
    """Each creates exit alerts for those who were told to enter, and its ledger entry."""
    positions: tuple[tuple[Address, HeldPosition], ...] = ()
    """Each replaces what was stored of that account and coin."""
    moved: tuple[LiveOpportunity, ...] = ()
    """Live opportunities whose best or worst excursion widened."""
    grown: tuple[Growth, ...] = ()
    """Live opportunities whose order became notably larger: the entry's message says so."""
    finished: tuple[PositionEvent, ...] = ()
    """Events that won't grow any more: whoever follows their account is told."""
    now_ms: int = 0
    namespace: str = LIVE
    """What event ids are made with (``core.detection.identity.event_id``); not LIVE: a rehearsal's.

    Events are written again as they grow: the newest version of an id replaces the older one.
    """


class Publisher(Protocol):
    """The one door through which detection writes; everything in it is idempotent by id."""

    async def publish(self, publication: Publication, evidence: str) -> tuple[str, ...]:
        """Write all in one transaction; return the ids of the opportunities that were new."""
        ...


class Marks(Protocol):
    """Where prices at fixed moments and the outcomes made of them are kept."""

    async def add_samples(self, samples: Sequence[PriceSample]) -> None: ...
    async def save_scored(self, scored: Sequence[ScoredOpportunity]) -> None:
        """Write outcomes, excursions; replaces earlier rows of the same opportunity and horizon."""
        ...


class PublicationStore(Publisher, Marks, Protocol):
    """What detection wrote, and what it needs to go on after a restart."""

    async def live(self, rehearsal: bool = False) -> list[LiveOpportunity]:
        """Return opportunities without an ending, both groups, oldest first."""
        ...

    async def save_positions(
        self, account: Address, positions: Sequence[HeldPosition], as_of_ms: int
    ) -> None:
        """Replace all positions of one account."""
        ...

    async def last_positions(self, account: Address) -> list[HeldPosition] | None:
        """Return what an account held when last seen, coins left since as zero; None: never seen."""
        ...

    async def last_fill_ms(self, account: Address) -> int | None: ...
    async def samples(self, since_ms: int, rehearsal: bool = False) -> list[PriceSample]: ...
    async def entries_since(self, since_ms: int, group: Group) -> list[Decision]:
        """Return published decisions and rejected entry events since then, oldest first."""
        ...


class Reader(Protocol):
    """What the answers read beside rankings and fills."""

    async def live(self, rehearsal: bool = False) -> list[LiveOpportunity]: ...
    async def scored(
        self,
        *,
        group: Group,
        since_ms: int | None = None,
        coin: Coin | None = None,
        loser: Address | None = None,
        rehearsal: bool = False,
    ) -> list[ScoredOpportunity]:
        """Return ended and live opportunities with their outcomes, oldest first."""
        ...

    async def decisions(
        self, *, coin: Coin | None, account: Address | None, limit: int, before: str | None
    ) -> list[Decision]: ...
    async def crowd(self, coin: Coin | None = None) -> list[Crowd]:
        """Return the listed losers' positions by coin, valued at the last known price."""
        ...

    async def positions(self, account: Address) -> list[HeldPosition]: ...
    async def delivery_counts(self) -> dict[str, int]: ...
    async def oldest_pending_ms(self) -> int | None: ...
    async def request_counts(self, since_ms: int) -> tuple[int, int]:
        """Return ``(requests, failed)`` since then from ``api_logs``."""
        ...

    async def totals(self) -> dict[str, int]:
        """Return ``accounts``, ``refined``, ``fills``, ``published``, ``undelivered``."""
        ...

    async def state(self, key: str) -> str | None:
        """Return a value that a running process left (``started_ms``, ``last_trade_ms`` …)."""
        ...


class StateStore(Protocol):
    """Small facts that outlive a process, by name."""

    async def state(self, key: str) -> str | None: ...
    async def set_state(self, key: str, value: str) -> None: ...
