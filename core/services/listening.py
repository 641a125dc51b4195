"""From the feed to detection, and the repair of what a gap hid.

The loop itself never waits for a query or a send: trades go straight into detection's memory. What
needs the exchange (positions of accounts newly watched, of all after a gap) runs beside it, while
the trades of those accounts are held.
"""

import asyncio
from collections.abc import Iterable, Sequence
from decimal import Decimal

import structlog

from core.errors import ExchangeError
from core.model.answers import HeldPosition
from core.model.fills import AccountState, Fill
from core.model.market import Address, Coin, Side, Trade, dex_of
from core.ports import (
    Clock,
    Exchange,
    Feed,
    FillStore,
    GapHeard,
    MidsHeard,
    PublicationStore,
    QuoteHeard,
    TradesHeard,
)
from core.services.detecting import DetectionService

log = structlog.get_logger(__name__)

SEEDERS = 8
LONGEST_REPAIR_MS = 6 * 3_600_000
"""After a longer absence positions are only compared: what happened meanwhile is history."""

OVERLAP_MS = 15_000
"""How much earlier than the last sign of life back-fill begins: what was heard may not have been written."""


def fills_of_trade(trade: Trade, watched: Iterable[Address]) -> list[Fill]:
    """Return a trade as the fills of those of its two accounts that are watched."""
    fills = []
    for account, side in ((trade.buyer, Side.BUY), (trade.seller, Side.SELL)):
        if account in watched:
            fills.append(
                Fill(
                    user=account,
                    coin=trade.coin,
                    px=trade.px,
                    sz=trade.sz,
                    side=side,
                    time_ms=trade.time_ms,
                    start_position=None,
                    crossed=trade.taker == account,
                    tid=trade.tid,
                    is_twap=trade.is_twap,
                )
            )
    return fills


class ListenService:
    """Hear the feed for one detection service and keep its positions true."""

    def __init__(
        self,
        feed: Feed,
        exchange: Exchange,
        fills: FillStore,
        store: PublicationStore,
        detection: DetectionService,
        clock: Clock,
    ) -> None:
        self._feed = feed
        self._exchange = exchange
        self._fills = fills
        self._store = store
        self._detection = detection
        self._clock = clock
        self._watched: frozenset[Address] = frozenset()
        self._seeded: set[Address] = set()
        self._dexes: dict[Address, frozenset[str]] = {}
        self._jobs: asyncio.Queue[tuple[Sequence[Address], int | None]] = asyncio.Queue()
        self.last_heard_ms: int | None = None
        self.gaps = 0

    async def run(self) -> None:
        """Hear until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear(), name="hear the feed")
            group.create_task(self._repair(), name="keep positions true")

    # --- the feed ----------------------------------------------------------------------------

    async def _hear(self) -> None:
        async for item in self._feed:
            match item:
                case TradesHeard():
                    self._hear_trades(item)
                case MidsHeard():
                    self.last_heard_ms = item.received_ms
                    for coin, px in item.mids.items():
                        self._detection.take_price(coin, px, item.received_ms)
                case QuoteHeard():
                    self._hear_quote(item)
                case GapHeard():
                    self.gaps += 1
                    log.warning("feed was deaf", from_ms=item.from_ms, to_ms=item.to_ms)
                    self._queue(sorted(self._watched), item.from_ms)

    def _hear_trades(self, item: TradesHeard) -> None:
        self.last_heard_ms = item.received_ms
        if item.is_history:
            return
        fills = [fill for trade in item.trades for fill in fills_of_trade(trade, self._watched)]
        for fill in fills:
            self._note_dex(fill)
        if fills:
            self._detection.take(fills)

    def _note_dex(self, fill: Fill) -> None:
        """Ask for the positions of a dex at the account's first trade there."""
        known = self._dexes.get(fill.user)
        dex = dex_of(fill.coin)
        if dex and known is not None and dex not in known:
            self._dexes[fill.user] = known | {dex}
            self._jobs.put_nowait(([fill.user], None))

    def _hear_quote(self, item: QuoteHeard) -> None:
        quote = item.quote
        if quote.bid is not None and quote.ask is not None:
            mid: Decimal = (quote.bid.px + quote.ask.px) / 2
            self._detection.take_price(quote.coin, mid, item.received_ms)

    def price_at(self, coin: Coin) -> tuple[Decimal, int] | None:
        """Return the coin's last mid in USD and when it was heard, or None."""
        market = self._detection.detector.market
        px = market.px.get(coin)
        return None if px is None else (px, market.px_ms[coin])

    # --- whom to hear -------------------------------------------------------------------------

    def watch(self, accounts: frozenset[Address], since_ms: int | None = None) -> None:
        """Hear exactly these accounts; ask for the positions of those who are new.

        ``since_ms``: when an earlier life of this program last heard the feed; what happened since
        is back-filled for the accounts whose positions were stored then.
        """
        new = sorted(accounts - self._watched)
        self._watched = accounts
        self._seeded &= accounts
        for account in new:
            self._detection.hold(account)
        self._feed.watch_accounts(accounts)
        if new:
            self._queue(new, since_ms)

    def _queue(self, accounts: Sequence[Address], since_ms: int | None) -> None:
        for account in accounts:
            self._detection.hold(account)
        self._jobs.put_nowait((accounts, since_ms))

    @property
    def seeded(self) -> int:
        """Return of how many watched accounts the position is known."""
        return len(self._seeded)

    # --- positions ----------------------------------------------------------------------------

    async def _repair(self) -> None:
        while True:
            accounts, since_ms = await self._jobs.get()
            queue = iter(accounts)

            async def work(queue: Iterable[Address] = queue, since_ms: int | None = since_ms) -> None:
                for account in queue:
                    await self._seed(account, since_ms)

            async with asyncio.TaskGroup() as group:
                for _ in range(min(SEEDERS, len(accounts))):
                    group.create_task(work())
            log.info("positions known", accounts=len(accounts), of=len(self._watched))

    async def _seed(self, account: Address, since_ms: int | None) -> None:
        """Make one account's position true: back-fill what is missing, compare, go on."""
        as_of_ms: dict[str, int] = {}
        self._detection.hold(account)
        try:
            as_of_ms = await self._make_true(account, since_ms)
            self._seeded.add(account)
        except ExchangeError as error:
            log.warning("position unknown", account=account, error=str(error))
        finally:
            self._detection.release(account, as_of_ms)

    async def _make_true(self, account: Address, since_ms: int | None) -> dict[str, int]:
        tracker = self._detection.detector.tracker(account)
        dexes = await self._dexes_of(account)
        if account not in self._seeded and since_ms is not None:
            stored = await self._store.positions(account)
            if stored:
                tracker.seed({held.coin: held.szi for held in stored}, dexes)
                self._seeded.add(account)
        states = [await self._exchange.account_state(account, dex) for dex in dexes]
        as_of_ms = {state.dex: state.time_ms or self._clock.now_ms() for state in states}
        earliest_ms = min(as_of_ms.values())
        truth = {position.coin: position.szi for state in states for position in state.positions}
        if account not in self._seeded:
            tracker.seed(truth, dexes)
        else:
            if since_ms is not None and earliest_ms - since_ms <= LONGEST_REPAIR_MS:
                await self._back_fill(account, since_ms - OVERLAP_MS, earliest_ms)
            wrong = tracker.correct(truth, dexes)
            if wrong:
                log.warning("positions corrected", account=account, coins=sorted(wrong))
        self._detection.end_where_gone(account)
        await self._store.save_positions(account, _held(states, earliest_ms), earliest_ms)
        return as_of_ms

    async def _back_fill(self, account: Address, from_ms: int, to_ms: int) -> None:
        tracker = self._detection.detector.tracker(account)
        tracker.remember(await self._fills.fills_of(account, from_ms))
        async for page in self._exchange.fills(account, from_ms, to_ms):
            self._detection.hear_late(page)

    async def _dexes_of(self, account: Address) -> list[str]:
        known = self._dexes.get(account)
        if known is None:
            fills = await self._fills.fills_of(account)
            known = frozenset(dex for fill in fills if (dex := dex_of(fill.coin)))
            self._dexes[account] = known
        return ["", *sorted(known)]


def _held(states: Sequence[AccountState], as_of_ms: int) -> list[HeldPosition]:
    return [
        HeldPosition(position.coin, position.szi, position.entry_px, as_of_ms)
        for state in states
        for position in state.positions
        if position.szi != 0
    ]
