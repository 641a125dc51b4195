"""Scripted ports for the services around detection: a clock, a store and an exchange without a wire."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from core.errors import ExchangeUnavailable, StorageError
from core.model.answers import HeldPosition
from core.model.fills import AccountState, Fill, Position
from core.model.market import Address, Coin, dex_of
from core.model.opportunities import Decision, Group, LiveOpportunity
from core.model.outcomes import PriceSample, ScoredOpportunity
from core.ports import FeedItem, Publication
from tests.support.detection_facts import T0


class HandClock:
    """Stands at ``T0`` until it is moved."""

    def __init__(self, at_ms: int = 0) -> None:
        self.at_ms = T0 + at_ms

    def now_ms(self) -> int:
        return self.at_ms

    def go_to(self, at_ms: int) -> None:
        self.at_ms = T0 + at_ms


class Sleeper:
    """Returns at once and remembers for how long it was asked to sleep."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


class ScriptedStore:
    """Takes what detection writes; away for as many writes as ``failures`` says."""

    def __init__(self) -> None:
        self.published: list[Publication] = []
        self.sampled: list[PriceSample] = []
        self.scored: list[Sequence[ScoredOpportunity]] = []
        self.held: dict[Address, list[HeldPosition]] = {}
        self.saved: list[tuple[Address, dict[Coin, Decimal], int]] = []
        self.failures = 0
        self.while_scoring: Callable[[], None] = lambda: None
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def _write(self) -> None:
        await self.is_open.wait()
        if self.failures:
            self.failures -= 1
            raise StorageError("the database is away")

    async def publish(self, publication: Publication, evidence: str) -> tuple[str, ...]:
        await self._write()
        self.published.append(publication)
        return ()

    async def add_samples(self, samples: Sequence[PriceSample]) -> None:
        await self._write()
        self.sampled += samples

    async def save_scored(self, scored: Sequence[ScoredOpportunity]) -> None:
        await self._write()
        self.scored.append(scored)
        self.while_scoring()

    async def last_positions(self, account: Address) -> list[HeldPosition] | None:
        return self.held.get(account)

    async def save_positions(
        self, account: Address, positions: Sequence[HeldPosition], as_of_ms: int
    ) -> None:
        await self._write()
        self.saved.append((account, {one.coin: one.szi for one in positions}, as_of_ms))

    async def live(self, rehearsal: bool = False) -> list[LiveOpportunity]:
        return []

    async def last_fill_ms(self, account: Address) -> int | None:
        return None

    async def samples(self, since_ms: int, rehearsal: bool = False) -> list[PriceSample]:
        return []

    async def entries_since(self, since_ms: int, group: Group) -> list[Decision]:
        return []

    # --- what was written, flattened -----------------------------------------------------------

    @property
    def decisions(self) -> list[Decision]:
        return [one for publication in self.published for one in publication.decisions]

    @property
    def verdicts(self) -> list[str]:
        return [one.rejection.value if one.rejection else "published" for one in self.decisions]

    @property
    def endings(self) -> list[str]:
        return [one.reason.value for publication in self.published for one in publication.endings]

    @property
    def fills(self) -> list[Fill]:
        return [fill for publication in self.published for fill in publication.fills]


class ScriptedExchange:
    """Answers for positions and fills from what it was told.

    ``away``: whose requests fail. ``gate``: whose answers, made at once, arrive only when it opens.
    """

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.held: dict[Address, dict[Coin, Decimal]] = defaultdict(dict)
        self.done: dict[Address, list[Fill]] = defaultdict(list)
        self.away: set[Address] = set()
        self.asked: list[tuple[Address, str]] = []
        self.read: list[tuple[Address, int, int]] = []
        self.gate: dict[Address, asyncio.Event] = {}
        self.was_asked = asyncio.Event()

    async def account_state(self, user: Address, dex: str = "") -> AccountState:
        self.asked.append((user, dex))
        self.was_asked.set()
        positions = tuple(
            Position(coin, szi, None, None, None, None)
            for coin, szi in self.held[user].items()
            if dex_of(coin) == dex
        )
        state = AccountState(user, dex, self.clock.now_ms(), Decimal(1_000), positions)
        if user in self.gate:
            await self.gate[user].wait()
        if user in self.away:
            raise ExchangeUnavailable("no answer")
        return state

    async def fills(self, user: Address, start_ms: int, end_ms: int) -> AsyncIterator[tuple[Fill, ...]]:
        self.read.append((user, start_ms, end_ms))
        for fill in self.done[user]:
            if start_ms <= fill.time_ms <= end_ms:
                yield (fill,)


class ScriptedFills:
    """The fills that are stored; ``read``: of whom whole fills were asked for."""

    def __init__(self) -> None:
        self.stored: dict[Address, list[Fill]] = defaultdict(list)
        self.read: list[Address] = []

    async def coins_of(self, account: Address) -> list[Coin]:
        return sorted({fill.coin for fill in self.stored[account]})

    async def fills_of(self, account: Address, from_ms: int = 0) -> list[Fill]:
        self.read.append(account)
        return [fill for fill in self.stored[account] if fill.time_ms >= from_ms]


class ScriptedFeed:
    """Tells what it is given, one item after the other."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[FeedItem] = asyncio.Queue()
        self.watched: list[frozenset[Address]] = []

    def __aiter__(self) -> AsyncIterator[FeedItem]:
        return self._tell()

    async def _tell(self) -> AsyncIterator[FeedItem]:
        while True:
            yield await self._items.get()
            self._items.task_done()

    async def tell(self, *items: FeedItem) -> None:
        """Return when all of them have been heard."""
        for item in items:
            self._items.put_nowait(item)
        await self._items.join()

    async def watch_coins(self, coins: Sequence[Coin]) -> None: ...

    def watch_accounts(self, accounts: frozenset[Address]) -> None:
        self.watched.append(accounts)


def held(positions: Mapping[Coin, str], updated_ms: int = 0) -> list[HeldPosition]:
    """Return stored positions, updated at ``T0 + updated_ms``."""
    return [HeldPosition(coin, Decimal(szi), None, T0 + updated_ms) for coin, szi in positions.items()]


def sizes(fills: Iterable[Fill]) -> list[Decimal]:
    """Return the signed sizes of fills."""
    return [fill.signed_sz for fill in fills]
