"""Detection as a service: hears fills and prices, asks for books, writes what was decided.

``take`` and ``take_price`` are synchronous and never wait, so the feed's receive loop can call
them; ``run`` concludes whatever has come in, all of it at once, in one transaction.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from core.detection.detector import Detector
from core.detection.rules import ENTRIES
from core.detection.tracker import EventUpdate
from core.errors import ExchangeError, StorageError
from core.model.answers import HeldPosition
from core.model.fills import Fill
from core.model.market import Address, Book, Coin, dex_of
from core.model.notices import Growth
from core.model.opportunities import Decision, Ending, Group, LiveOpportunity
from core.ports import Clock, Publication, Publisher, Sleep
from core.trouble import Trouble, database_trouble

log = structlog.get_logger(__name__)

BookSource = Callable[[Coin], Awaitable[Book | None]]
BOOK_TIMEOUT_S = 3.0
"""How long all of one conclusion waits for order books: what else is in it shouldn't age meanwhile."""
BOOKS = "books"
"""What all missing books are told under: an exchange that gives none is one trouble."""

WIND_DOWN_S = 10.0
"""How long a shutdown waits for what was taken to be written."""

LONGEST_RETRY_S = 15.0


@dataclass(frozen=True, slots=True)
class Concluded:
    """What one conclusion wrote."""

    decisions: tuple[Decision, ...]
    endings: tuple[Ending, ...]
    moved: tuple[LiveOpportunity, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """An order book, or why there is none."""

    book: Book | None
    problem: str | None = None


class DetectionService:
    """Connect one detector to its book source and its store."""

    def __init__(
        self,
        detector: Detector,
        store: Publisher,
        clock: Clock,
        sleep: Sleep,
        *,
        book: BookSource | None,
        evidence: Callable[[], str],
        on_concluded: Callable[[Concluded], None] = lambda _: None,
        keep_fills: bool = True,
        book_timeout_s: float = BOOK_TIMEOUT_S,
        wind_down_s: float = WIND_DOWN_S,
        database: Trouble | None = None,
    ) -> None:
        """``database``: its trouble, where others write to the same one."""
        self.detector = detector
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._book = book
        self._evidence = evidence
        self._on_concluded = on_concluded
        self._keep_fills = keep_fills
        self._book_timeout_s = book_timeout_s
        self._wind_down_s = wind_down_s
        self._database = database or database_trouble(clock.now_ms)
        self._bookless = Trouble(
            "no order book: what else would be an opportunity is rejected as book_unknown",
            "order books come again",
            clock.now_ms,
        )
        self._wake = asyncio.Event()
        self._fills: list[Fill] = []
        self._updates: list[EventUpdate] = []
        self._endings: list[Ending] = []
        self._moved: dict[str, LiveOpportunity] = {}
        self._held: dict[Address, list[Fill]] = {}
        self._doubted: dict[Address, None] = {}

    # --- what comes in ---------------------------------------------------------------------

    def take(self, fills: Sequence[Fill], is_late: bool = False) -> None:
        """Take fills of watched accounts in execution order; those of held accounts wait."""
        free = []
        for fill in fills:
            held = self._held.get(fill.user)
            if held is None:
                free.append(fill)
            else:
                held.append(fill)
        if free:
            self._hear(free, is_late)

    def take_price(self, coin: Coin, px: Decimal, now_ms: int) -> None:
        """Take a new price of one coin."""
        endings, moved = self.detector.price(coin, px, now_ms)
        self._endings += endings
        self._moved.update({live.opportunity.opportunity_id: live for live in moved})
        if endings:
            self._wake.set()

    def tick(self, now_ms: int) -> None:
        """Finish events whose time is over, and end what has expired."""
        self._updates += self.detector.settle(now_ms)
        self._endings += self.detector.end_by_time(now_ms)
        if self._updates or self._endings or self._moved:
            self._wake.set()

    def finish_all(self) -> None:
        """Finish every growing event (the end of a recording)."""
        self._updates += self.detector.settle(None)

    # --- accounts whose position is being asked for -----------------------------------------

    def hold(self, account: Address) -> None:
        """Let this account's fills wait until its position is known."""
        self._held.setdefault(account, [])

    def waiting(self, account: Address, as_of_ms: Mapping[str, int]) -> list[Fill]:
        """Return the held fills of an account that happened up to these times by dex."""
        return [fill for fill in self._held.get(account, ()) if _is_in(fill, as_of_ms)]

    def has_waiting(self, account: Address) -> bool:
        """Tell whether fills of an account wait for its position."""
        return bool(self._held.get(account))

    def release(self, account: Address, as_of_ms: Mapping[str, int]) -> None:
        """Go on with an account: what happened on a dex up to its time is in the position already.

        That is kept as fills all the same, but it makes no event.
        """
        waiting = self._held.pop(account, [])
        known = [fill for fill in waiting if _is_in(fill, as_of_ms)]
        self._fills += known
        self.detector.tracker(account).remember(known)
        fresh = [fill for fill in waiting if not _is_in(fill, as_of_ms)]
        if waiting:
            self._hear(fresh, False)

    def hear_late(self, fills: Sequence[Fill]) -> None:
        """Take fills found by back-fill, past any hold."""
        self._hear(fills, True)

    def hear_waiting(self, account: Address, as_of_ms: Mapping[str, int]) -> None:
        """Take those held fills as they were heard: nothing was missed before them."""
        ready = self.waiting(account, as_of_ms)
        self._held[account] = [fill for fill in self._held.get(account, ()) if not _is_in(fill, as_of_ms)]
        self._hear(ready, False)

    def end_where_gone(self, account: Address) -> None:
        """End live opportunities whose loser no longer holds the position that was faded.

        Done after the account's events are concluded, which know better how it was left.
        """
        self._doubted[account] = None
        self._wake.set()

    def _hear(self, fills: Sequence[Fill], is_late: bool) -> None:
        self._fills += fills
        self._updates += self.detector.hear(fills, is_late)
        self._wake.set()

    # --- what goes out ---------------------------------------------------------------------

    async def run(self) -> None:
        """Conclude whenever something came in; when cancelled, first write what was taken."""
        at_work: asyncio.Task[Concluded] | None = None
        try:
            while True:
                await self._wake.wait()
                at_work = asyncio.create_task(self.conclude(), name="conclude")
                await asyncio.shield(at_work)
        except asyncio.CancelledError:
            await self._wind_down(at_work)
            raise

    async def _wind_down(self, at_work: "asyncio.Task[Concluded] | None") -> None:
        try:
            async with asyncio.timeout(self._wind_down_s):
                if at_work is not None:
                    await at_work
                if self._wake.is_set():
                    await self.conclude()
        except TimeoutError:
            log.error("stopped before all that was heard could be written", waited_s=self._wind_down_s)

    async def conclude(self) -> Concluded:
        """Decide about all that has come in and write it in one transaction."""
        self._wake.clear()
        fills, self._fills = self._fills, []
        updates, self._updates = self._updates, []
        endings, self._endings = self._endings, []
        moved, self._moved = self._moved, {}
        doubted, self._doubted = self._doubted, {}
        until = asyncio.get_running_loop().time() + self._book_timeout_s
        books = await self._books(updates, until)
        decisions: list[Decision] = []
        grown: list[Growth] = []
        for update in updates:
            now_ms = self._clock.now_ms()
            endings += self.detector.end_by_event(update, now_ms)
            if update.event.coin not in books:  # an ending just now may have made room for it
                books.update(await self._books([update], until))
                now_ms = self._clock.now_ms()
            asked = books.get(update.event.coin, _Asked(None))
            decision = self.detector.answer(update, now_ms, asked.book, asked.problem)
            if decision is not None and decision.group is not Group.FOLLOWED:
                decisions.append(decision)
            growth = self.detector.growth(update, now_ms)
            if growth is not None:
                grown.append(growth)
        now_ms = self._clock.now_ms()
        for account in doubted:
            endings += self.detector.end_by_position(account, now_ms)
        known = [update.event for update in updates if update.position_is_known]
        publication = Publication(
            fills=tuple(map(self._kept, fills)) if self._keep_fills else (),
            events=tuple({self.detector.event_id(event): event for event in known}.values()),
            decisions=tuple(decisions),
            endings=tuple(endings),
            positions=tuple(self._positions(updates)),
            moved=tuple(moved.values()),
            grown=tuple(grown),
            finished=tuple(u.event for u in updates if u.finished and u.position_is_known),
            now_ms=now_ms,
            namespace=self.detector.namespace,
        )
        if updates or endings or moved or publication.fills:
            await self._write(publication)
        concluded = Concluded(publication.decisions, publication.endings, publication.moved)
        if decisions or endings or moved:
            self._on_concluded(concluded)
        return concluded

    def _kept(self, fill: Fill) -> Fill:
        """Return a fill as it is stored: of who is only followed as if heard, whose gaps nobody fills.

        Nobody may be ranked by some of their fills.
        """
        watch = self.detector.watches.get(fill.user)
        if watch is None or watch.group is not Group.FOLLOWED:
            return fill
        return replace(fill, start_position=None, closed_pnl=None, fee=None)

    def _positions(self, updates: Sequence[EventUpdate]) -> list[tuple[Address, HeldPosition]]:
        latest = {(u.event.account, u.event.coin): u for u in updates if u.position_is_known}
        return [
            (account, HeldPosition(coin, update.event.after, None, update.event.last_ms))
            for (account, coin), update in latest.items()
        ]

    async def _books(self, updates: Sequence[EventUpdate], until: float) -> dict[Coin, _Asked]:
        """Ask for the books that these events want, all at once, up to a moment of the loop's time."""
        if self._book is None:
            return {}
        now_ms = self._clock.now_ms()
        wanted = {
            update.event.coin
            for update in updates
            if update.event.kind in ENTRIES and self.detector.wants_book(update, now_ms)
        }
        if not wanted:
            return {}
        found = await asyncio.gather(*(self._one_book(self._book, coin, until) for coin in wanted))
        return dict(zip(wanted, found, strict=True))

    async def _one_book(self, source: BookSource, coin: Coin, until: float) -> _Asked:
        try:
            async with asyncio.timeout_at(until):
                book = await source(coin)
        except TimeoutError:
            asked = _Asked(None, f"no answer within {self._book_timeout_s:g} s")
        except ExchangeError as error:
            asked = _Asked(None, str(error))
        else:
            asked = _Asked(book, None if book else "the exchange has no order book of this coin")
        if asked.problem is None:
            self._bookless.passed(BOOKS)
        else:
            self._bookless.met(BOOKS, f"{coin}: {asked.problem}")
        return asked

    async def _write(self, publication: Publication) -> None:
        """Write, and try again for as long as the database is away: nothing accepted is lost."""
        delay_s = 0.5
        while True:
            try:
                await self._store.publish(publication, self._evidence())
                self._database.passed("publication")
                return
            except StorageError as error:
                self._database.met("publication", error)
                await self._sleep(delay_s)
                delay_s = min(2 * delay_s, LONGEST_RETRY_S)


def _is_in(fill: Fill, as_of_ms: Mapping[str, int]) -> bool:
    """Tell whether a fill is part of positions as of these times by dex."""
    return fill.time_ms <= as_of_ms.get(dex_of(fill.coin), 0)
