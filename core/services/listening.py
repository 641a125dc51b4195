"""From the feed to detection, and the repair of what a gap hid.

The loop itself never waits for a query or a send: trades go straight into detection's memory. What
needs the exchange (positions of accounts newly watched, of all after a gap) runs beside it, while
the trades of those accounts are held.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import structlog

from core.detection.tracker import PositionTracker
from core.errors import ExchangeError, StorageError
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
from core.trouble import Trouble

log = structlog.get_logger(__name__)

SEEDERS = 8
GAP = "gap"
"""What all positions are in doubt for; one account's are for its own address."""

LONGEST_REPAIR_MS = 6 * 3_600_000
"""After a longer absence positions are only compared: what happened meanwhile is history."""

SHORT_GAP_MS = 60_000
"""After a shorter absence, who holds what we expected is taken to have done nothing: asking for the
fills of all would take minutes of the request budget."""

RETRY_MS = 30_000
"""Pause before an account whose position couldn't be had is asked for again."""

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
                    # the slice is the taker's; who rested in the book had an ordinary order
                    is_twap=trade.is_twap and trade.taker == account,
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
        self._wanted: dict[Address, int | None] = {}
        self._wanting = asyncio.Event()
        self._at_work: dict[Address, int | None] = {}
        self._failed: dict[Address, int | None] = {}
        self._retry_from_ms = 0
        self._heard_ms: int | None = None
        self._doubt = Trouble(
            "positions are in doubt: they are asked for anew, and trades of these accounts wait until then",
            "positions are known again",
            clock.now_ms,
            "gaps",
            "corrected",
        )
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
                    self._heard_ms = item.received_ms
                    for coin, px in item.mids.items():
                        self._detection.take_price(coin, px, item.received_ms)
                case QuoteHeard():
                    self._hear_quote(item)
                case GapHeard():
                    self.gaps += 1
                    self._doubt.met(
                        GAP, f"the feed was deaf for {_seconds(item.from_ms, item.to_ms)} s", gaps=1
                    )
                    for account in sorted(self._watched):
                        self._want(account, item.from_ms)
            if self._failed and self._heard_ms is not None and self._heard_ms >= self._retry_from_ms:
                self._want_failed()

    def _hear_trades(self, item: TradesHeard) -> None:
        self._heard_ms = item.received_ms
        if item.is_history:
            return
        fills = [fill for trade in item.trades for fill in fills_of_trade(trade, self._watched)]
        if fills:
            self._detection.take(fills)
        for fill in fills:
            self._note_dex(fill)

    def _note_dex(self, fill: Fill) -> None:
        """Ask for the positions of a dex at the account's first trade there."""
        known = self._dexes.get(fill.user)
        dex = dex_of(fill.coin)
        if dex and known is not None and dex not in known:
            self._dexes[fill.user] = known | {dex}
            self._want(fill.user, None)

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
        new, gone = sorted(accounts - self._watched), self._watched - accounts
        self._watched = accounts
        self._seeded &= accounts
        self._dexes = {account: dexes for account, dexes in self._dexes.items() if account in accounts}
        self._failed = {account: since for account, since in self._failed.items() if account in accounts}
        for account in gone:
            self._doubt.passed(account)
        if new and since_ms is not None:
            away_s = _seconds(since_ms, self._clock.now_ms())
            self._doubt.met(GAP, f"the program wasn't running for {away_s} s")
        for account in new:
            self._want(account, since_ms)
        self._feed.watch_accounts(accounts)

    @property
    def seeded(self) -> int:
        """Return of how many watched accounts the position is known."""
        return len(self._seeded)

    @property
    def last_sign_ms(self) -> int | None:
        """Return when the feed last gave any sign, or None."""
        return self._heard_ms

    @property
    def last_heard_ms(self) -> int | None:
        """Return up to when all is known: the last sign of the feed, or the oldest gap under repair."""
        open_gaps = [
            since for since in (*self._wanted.values(), *self._at_work.values()) if since is not None
        ]
        return min((at for at in (self._heard_ms, *open_gaps) if at is not None), default=None)

    # --- positions ----------------------------------------------------------------------------

    def _want(self, account: Address, since_ms: int | None) -> None:
        """Hold an account until its position is known, back to ``since_ms`` where it was known before."""
        self._detection.hold(account)
        known_ms = self._wanted.get(account)
        both = [at for at in (known_ms, since_ms) if at is not None]
        is_new = account in self._wanted and known_ms is None and account not in self._seeded
        self._wanted[account] = None if is_new else min(both, default=None)
        self._wanting.set()

    def _want_failed(self) -> None:
        failed, self._failed = self._failed, {}
        for account, since_ms in failed.items():
            self._want(account, since_ms)

    async def _repair(self) -> None:
        while True:
            if not self._wanted:
                self._wanting.clear()
                await self._wanting.wait()
            accounts = len(self._wanted)
            async with asyncio.TaskGroup() as group:
                for _ in range(min(SEEDERS, accounts)):
                    group.create_task(self._seed_wanted())
            log.info("positions known", accounts=accounts, of=len(self._watched))
            if not self._wanted:
                self._doubt.passed(GAP)

    async def _seed_wanted(self) -> None:
        while (account := self._most_urgent()) is not None:
            self._at_work[account] = since_ms = self._wanted.pop(account)
            try:
                await self._seed(account, since_ms)
            finally:
                del self._at_work[account]

    def _most_urgent(self) -> Address | None:
        """Return whom to ask for next: those first who trade while they wait."""
        idle = [account for account in self._wanted if account not in self._at_work]
        return next((one for one in idle if self._detection.has_waiting(one)), next(iter(idle), None))

    async def _seed(self, account: Address, since_ms: int | None) -> None:
        """Make one account's position true: back-fill what is missing, compare, go on."""
        as_of_ms: dict[str, int] = {}
        try:
            if account in self._watched:
                as_of_ms = await self._make_true(account, since_ms)
                self._seeded.add(account)
            self._doubt.passed(account)
        except (ExchangeError, StorageError) as error:
            self._doubt.met(account, error)
            self._give_up(account, since_ms)
        finally:
            if account not in self._wanted:  # else another gap came meanwhile: go on waiting
                self._detection.release(account, as_of_ms)

    def _give_up(self, account: Address, since_ms: int | None) -> None:
        """Know nothing of this account until a later try: what was known may be wrong by now."""
        self._detection.detector.tracker(account).forget()
        self._seeded.discard(account)
        if not self._failed:
            self._retry_from_ms = self._clock.now_ms() + RETRY_MS
        self._failed[account] = since_ms

    async def _make_true(self, account: Address, since_ms: int | None) -> dict[str, int]:
        dexes = await self._dexes_of(account)
        written_ms: dict[Coin, int] = {}
        if account not in self._seeded and since_ms is not None:
            written_ms = await self._take_stored(account, dexes)
        states = [await self._exchange.account_state(account, dex) for dex in dexes]
        as_of_ms = {state.dex: state.time_ms or self._clock.now_ms() for state in states}
        truth = {position.coin: position.szi for state in states for position in state.positions}
        if account not in self._seeded:
            self._tracker(account).seed(truth, dexes)
        else:
            await self._reconcile(account, since_ms, truth, as_of_ms, written_ms)
        self._detection.end_where_gone(account)
        earliest_ms = min(as_of_ms.values())
        await self._store.save_positions(account, _held(states, earliest_ms), earliest_ms)
        return as_of_ms

    async def _take_stored(self, account: Address, dexes: Sequence[str]) -> dict[Coin, int]:
        """Seed with what an earlier life stored; return up to when its fills are in it, by coin."""
        stored = await self._store.last_positions(account)
        if stored is None:
            return {}
        self._tracker(account).seed({held.coin: held.szi for held in stored if held.szi}, dexes)
        self._seeded.add(account)
        return {held.coin: held.updated_ms for held in stored}

    async def _reconcile(
        self,
        account: Address,
        since_ms: int | None,
        truth: Mapping[Coin, Decimal],
        as_of_ms: Mapping[str, int],
        written_ms: Mapping[Coin, int],
    ) -> None:
        """Find what happened since a position was known: heard and waiting, or to be back-filled."""
        tracker = self._tracker(account)
        known = {dex: at for dex, at in as_of_ms.items() if dex in tracker.known_dexes}
        missed = tracker.differences(truth, known, self._detection.waiting(account, known))
        away_ms = None if since_ms is None else min(as_of_ms.values()) - since_ms
        if since_ms is not None and away_ms is not None and away_ms <= LONGEST_REPAIR_MS:
            is_faded = self._detection.detector.is_faded(account)
            if missed or is_faded or away_ms > SHORT_GAP_MS:
                await self._back_fill(account, since_ms - OVERLAP_MS, as_of_ms, written_ms)
        if not missed:
            self._detection.hear_waiting(account, known)
        wrong = self._tracker(account).correct(truth, as_of_ms)
        if wrong:
            self._doubt.count(corrected=1)
            log.debug("positions corrected", account=account, coins=sorted(wrong))

    async def _back_fill(
        self, account: Address, from_ms: int, as_of_ms: Mapping[str, int], written_ms: Mapping[Coin, int]
    ) -> None:
        if written_ms:
            stored = await self._fills.fills_of(account, from_ms)
            self._tracker(account).remember(
                fill for fill in stored if fill.time_ms <= written_ms.get(fill.coin, 0)
            )
        async for page in self._exchange.fills(account, from_ms, max(as_of_ms.values())):
            self._detection.hear_late(
                [fill for fill in page if fill.time_ms <= as_of_ms.get(dex_of(fill.coin), 0)]
            )

    def _tracker(self, account: Address) -> PositionTracker:
        return self._detection.detector.tracker(account)

    async def _dexes_of(self, account: Address) -> list[str]:
        known = self._dexes.get(account)
        if known is None:
            coins = await self._fills.coins_of(account)
            known = frozenset(dex for coin in coins if (dex := dex_of(coin)))
            self._dexes[account] = known
        return ["", *sorted(known)]


def _seconds(from_ms: int, to_ms: int) -> float:
    return round((to_ms - from_ms) / 1000, 1)


def _held(states: Sequence[AccountState], as_of_ms: int) -> list[HeldPosition]:
    return [
        HeldPosition(position.coin, position.szi, position.entry_px, as_of_ms)
        for state in states
        for position in state.positions
        if position.szi != 0
    ]
