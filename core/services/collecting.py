"""From the exchange into the store: coins, candidates, each candidate's history, prices."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from random import Random

import structlog

from core.errors import ExchangeError
from core.model.fills import AccountState, Fill, LeaderboardRow, Portfolio, SpotBalance
from core.model.market import DAY_MS, HOUR_MS, WINDOW_MS, Address, Coin, CoinSpec, dex_of, is_spot
from core.model.traders import AccountFacts, PnlSource
from core.ports import Clock, Exchange, FillStore, KnownAccount
from core.ranking.candidates import KNOWN_VAULTS, Candidate, choose_candidates
from core.ranking.chain import chain_breaks, order_fills
from core.ranking.portfolio import dietz_capital, equity, floored_capital, pnl_30d
from core.ranking.prices import SIGMA_MS, PriceBook
from core.trouble import Trouble

log = structlog.get_logger(__name__)

READING = "reading"
HISTORY_MS = WINDOW_MS + 5 * DAY_MS
"""How far back fills are fetched: trips that began before the window count with their whole result."""

MOST_FILLS = 20_000
"""An account with more fills than that is a machine; reading it would cost the weight of fifty others."""

TWAP_HISTORY_MS = 13 * DAY_MS
CANDLE = "15m"
HOURLY = "1h"
FUNDING_HOLDS_MS = 2 * HOUR_MS
"""How long a current funding rate stands for the coming hour's."""

HEDGED_SHARE = 0.5
"""A short that is covered by spot to at least this share counts as hedged."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long step is."""

    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class CollectRules:
    """How much to collect."""

    candidates: int
    sample: int
    min_equity_usd: float
    concurrency: int = 8


class CollectService:
    """Fill the store with what ranking needs."""

    def __init__(
        self,
        exchange: Exchange,
        store: FillStore,
        clock: Clock,
        rng: Random,
        rules: CollectRules,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._exchange = exchange
        self._store = store
        self._clock = clock
        self._rng = rng
        self._rules = rules
        self._on_progress = on_progress
        self._collected_to: dict[Address, int] = {}
        self.reading: Progress | None = None
        """How far the reading of traders is; None: nothing is being read."""
        self._vaults = KNOWN_VAULTS
        self._funding: dict[Coin, float] = {}
        self._funding_ms = 0
        self._volatility_ms: dict[Coin, int] = {}
        self._unread = Trouble(
            "traders or prices can't be read now: a later round does, the list stands on what is known",
            "traders and prices can be read again",
            clock.now_ms,
            "left_out",
        )

    async def coins(self) -> list[CoinSpec]:
        """Fetch and store all perpetuals of all dexes; the current funding rates come with them."""
        specs: list[CoinSpec] = []
        funding: dict[Coin, float] = {}
        for dex in await self._exchange.dexes():
            listings = await self._exchange.listings(dex)
            specs += listings.specs
            funding.update({coin: float(rate) for coin, rate in listings.funding.items()})
        await self._store.save_coins(specs)
        self._funding, self._funding_ms = funding, self._clock.now_ms()
        return specs

    def funding(self) -> Mapping[Coin, float]:
        """Return the hourly funding rates that came with the coins, fractions; none that is too old."""
        is_fresh = self._clock.now_ms() - self._funding_ms <= FUNDING_HOLDS_MS
        return self._funding if is_fresh else {}

    async def candidates(self) -> list[Candidate]:
        """Read the leaderboard and choose whom to refine.

        Without the list of vaults it goes on with those known; without the leaderboard it doesn't.
        """
        try:
            self._vaults |= await self._exchange.vaults()
        except ExchangeError as error:
            log.warning(
                "list of vaults not read: vaults that aren't known yet may be ranked as traders",
                known=len(self._vaults),
                error=str(error),
            )
        chosen, seen = await choose_candidates(
            self._exchange.leaderboard(),
            excluded=self._vaults,
            losers=self._rules.candidates,
            sample=self._rules.sample,
            min_equity_usd=self._rules.min_equity_usd,
            rng=self._rng,
        )
        log.info("leaderboard read", rows=seen, candidates=len(chosen))
        return chosen

    async def refine(self, candidates: Sequence[Candidate], before: int = 0, of: int | None = None) -> None:
        """Fetch every candidate's history, sub-accounts included, in the given order.

        ``before`` and ``of`` make the progress of several calls read as one.
        """
        done, total = before, of or len(candidates)
        queue = iter(candidates)

        async def work() -> None:
            nonlocal done
            for candidate in queue:
                await self._refine_family(candidate)
                done += 1
                step = Progress("reading traders", done, total)
                self.reading = step if done < total else None
                self._on_progress(step)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._rules.concurrency, len(candidates))):
                group.create_task(work())

    async def _refine_family(self, candidate: Candidate) -> None:
        master = candidate.row.address
        try:
            subs = await self._exchange.sub_accounts(master)
            await self.refine_account(master, candidate.row, candidate.chance, has_subs=bool(subs))
            for sub in subs:
                await self.refine_account(sub.address, None, candidate.chance, has_subs=False)
        except ExchangeError as error:
            self._leave_out(master, error)

    async def refine_account(
        self, account: Address, row: LeaderboardRow | None, chance: float, has_subs: bool
    ) -> None:
        """Fetch one account's fills, portfolio and equity since the last time, and store them."""
        now_ms = self._clock.now_ms()
        start_ms = self._collected_to.get(account, now_ms - HISTORY_MS)
        fills = await self._fills_since(account, start_ms, now_ms)
        portfolio = await self._exchange.portfolio(account)
        states = [await self._exchange.account_state(account, dex) for dex in _dexes_of(fills)]
        spot = await self._exchange.spot_balances(account)
        await self._store.add_fills(fills, "api")
        await self._store.save_portfolio(portfolio)
        facts = _facts(account, row, chance, has_subs, portfolio, states, spot, now_ms)
        known = KnownAccount(
            facts, now_ms - HISTORY_MS, now_ms, float(row.month_pnl) if row is not None else None
        )
        await self._store.save_account(known, now_ms)
        self._collected_to[account] = now_ms
        self._unread.passed(READING)

    def _leave_out(self, what: str, error: ExchangeError) -> None:
        self._unread.met(READING, f"{what}: {error}", left_out=1)

    async def _fills_since(self, account: Address, start_ms: int, now_ms: int) -> list[Fill]:
        """Return the account's fills in execution order; none of an account too active to be read."""
        fills: list[Fill] = []
        async for page in self._exchange.fills(account, start_ms, now_ms):
            fills += page
            if len(fills) > MOST_FILLS:
                log.info("too active to be read", account=account, fills_read=len(fills))
                return []
        if chain_breaks(fill for fill in fills if not is_spot(fill.coin)):
            # slices of TWAP orders aren't among the fills; only they explain such holes
            slices = await self._exchange.twap_fills(account, max(start_ms, now_ms - TWAP_HISTORY_MS), now_ms)
            fills = order_fills([*fills, *slices])
        return fills

    async def update(self, accounts: Sequence[KnownAccount]) -> None:
        """Fetch what is new of accounts known before, a few at a time."""
        queue = iter(accounts)

        async def work() -> None:
            for account in queue:
                facts = account.facts
                try:
                    await self.refine_account(
                        facts.address, None, facts.selection_chance, bool(facts.has_sub_accounts)
                    )
                except ExchangeError as error:
                    self._leave_out(facts.address, error)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._rules.concurrency, len(accounts))):
                group.create_task(work())

    async def prices(self, coins: Sequence[Coin]) -> None:
        """Fetch 15-minute candles and hourly funding rates of the window, or what is new since."""
        now_ms = self._clock.now_ms()
        known = await self._last_bars()
        for done, coin in enumerate(coins, start=1):
            start_ms = max(now_ms - HISTORY_MS, known.get(coin, 0))
            try:
                await self._store.add_bars(
                    CANDLE, await self._exchange.candles(coin, CANDLE, start_ms, now_ms)
                )
                rates = await self._exchange.funding_rates(coin, start_ms - HOUR_MS, now_ms)
                await self._store.add_funding_rates(rates)
            except ExchangeError as error:
                self._leave_out(f"prices of {coin}", error)
            else:
                self._unread.passed(READING)
            self._on_progress(Progress("reading prices", done, len(coins)))

    async def volatility(self, coins: Sequence[Coin], known: Set[Coin]) -> AsyncIterator[tuple[Coin, float]]:
        """Fetch a week of hourly candles, coin after coin; yield each one's hourly volatility, a fraction.

        That is what stop and target of an opportunity need, for 23 of weight a coin where all prices
        of it cost 159. Skips what was fetched within a day; ``known`` counts as fetched at first.
        """
        now_ms = self._clock.now_ms()
        for coin in known:
            self._volatility_ms.setdefault(coin, now_ms)
        due = [coin for coin in coins if now_ms - self._volatility_ms.get(coin, 0) >= DAY_MS]
        end_ms = now_ms // HOUR_MS * HOUR_MS - 1  # finished hours only
        for done, coin in enumerate(due, start=1):
            try:
                bars = await self._exchange.candles(coin, HOURLY, end_ms + 1 - SIGMA_MS - HOUR_MS, end_ms)
            except ExchangeError as error:
                self._leave_out(f"volatility of {coin}", error)
                continue
            self._unread.passed(READING)
            await self._store.add_bars(HOURLY, bars)
            self._volatility_ms[coin] = now_ms
            sigma = PriceBook((HOURLY, bar) for bar in bars).hourly_sigma(coin, now_ms)
            if sigma is not None:
                yield coin, sigma
            self._on_progress(Progress("reading volatility", done, len(due)))

    async def _last_bars(self) -> dict[Coin, int]:
        last: dict[Coin, int] = {}
        for interval, bar in await self._store.bars(self._clock.now_ms() - HISTORY_MS):
            if interval == CANDLE:
                last[bar.coin] = max(bar.open_ms, last.get(bar.coin, 0))
        return last


def _dexes_of(fills: Sequence[Fill]) -> list[str]:
    """Return the dexes an account was seen on, the main one always."""
    others = {dex for fill in fills if (dex := dex_of(fill.coin)) and not is_spot(fill.coin)}
    return ["", *sorted(others)]


def _facts(
    account: Address,
    row: LeaderboardRow | None,
    chance: float,
    has_subs: bool,
    portfolio: Portfolio,
    states: Sequence[AccountState],
    spot: Sequence[SpotBalance],
    now_ms: int,
) -> AccountFacts:
    pnl = pnl_30d(portfolio, now_ms)
    capital = floored_capital(dietz_capital(portfolio, now_ms), pnl)
    held = sum(float(state.account_value) for state in states) if states else equity(portfolio)
    return AccountFacts(
        address=account,
        equity_usd=held,
        is_vault=account in KNOWN_VAULTS,
        is_spot_hedged=_is_spot_hedged(states, spot),
        pnl_30d=pnl,
        pnl_30d_source=None if pnl is None else PnlSource.PORTFOLIO,
        capital=capital,
        capital_source=None if capital is None else "portfolio",
        month_roi=float(row.month_roi) if row is not None else None,
        has_sub_accounts=has_subs,
        selection_chance=chance,
    )


def _is_spot_hedged(states: Sequence[AccountState], spot: Sequence[SpotBalance]) -> bool:
    """Tell whether the larger part of the short positions is covered by spot of the same coin.

    Wrapped spot tokens carry a leading U (UBTC for BTC).
    """
    balances = {balance.token.upper(): float(balance.total) for balance in spot}
    short_usd = covered_usd = 0.0
    for state in states:
        for position in state.positions:
            if position.szi >= 0 or not position.position_value:
                continue
            size, value = float(-position.szi), float(position.position_value)
            name = position.coin.rpartition(":")[2].upper()
            held = balances.get(name, 0.0) + balances.get(f"U{name}", 0.0)
            short_usd += value
            covered_usd += value * min(1.0, held / size)
    return short_usd > 0 and covered_usd >= HEDGED_SHARE * short_usd
