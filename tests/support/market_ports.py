"""An exchange of some coins and many traders, told to collection without a wire."""

from collections.abc import AsyncIterator
from decimal import Decimal

from core.errors import ExchangeError
from core.model.fills import AccountState, Fill, LeaderboardRow, Portfolio, SpotBalance, SubAccount
from core.model.market import DAY_MS, HOUR_MS, Address, Bar, Coin, CoinSpec, FundingRate, Listings
from tests.support.detection_ports import HandClock
from tests.support.fill_values import a_fill

STEP_MS = {"15m": 900_000, "1h": HOUR_MS}


class MarketExchange:
    """Lists ``coins``; the nth trader bought the nth of the traded ones yesterday.

    ``fails``: what a question is answered with instead, by its name.
    """

    def __init__(self, clock: HandClock, coins: int, traded: int, traders: int) -> None:
        self.clock = clock
        self.coins = [Coin(f"C{n:03}") for n in range(coins)]
        self.traded = self.coins[:traded]
        self.traders = [Address(f"0x{n:040x}") for n in range(1, traders + 1)]
        self.fails: dict[str, ExchangeError] = {}
        self.asked: list[tuple[str, str]] = []
        self.in_vaults: frozenset[Address] = frozenset()

    def _note(self, name: str, about: str = "") -> None:
        self.asked.append((name, about))
        if name in self.fails:
            raise self.fails[name]

    def times_asked(self, name: str) -> int:
        return sum(one == name for one, _ in self.asked)

    async def dexes(self) -> tuple[str, ...]:
        return ("",)

    async def listings(self, dex: str = "") -> Listings:
        self._note("listings", dex)
        specs = tuple(CoinSpec(coin, 3, 20) for coin in self.coins)
        return Listings(specs, {coin: Decimal("0.00002") for coin in self.coins})

    async def vaults(self) -> frozenset[Address]:
        self._note("vaults")
        return self.in_vaults

    async def leaderboard(self) -> AsyncIterator[LeaderboardRow]:
        self._note("leaderboard")
        for trader in self.traders:
            values = (Decimal(5_000), Decimal(-900), Decimal("-0.2"), Decimal(90_000))
            yield LeaderboardRow(trader, *values, None)

    async def sub_accounts(self, master: Address) -> tuple[SubAccount, ...]:
        return ()

    async def fills(self, user: Address, start_ms: int, end_ms: int) -> AsyncIterator[tuple[Fill, ...]]:
        coin = self.traded[int(user, 16) % len(self.traded)]
        yield (a_fill(0, user, coin=coin, time_ms=self.clock.now_ms() - DAY_MS),)

    async def portfolio(self, user: Address) -> Portfolio:
        return Portfolio(user, {})

    async def account_state(self, user: Address, dex: str = "") -> AccountState:
        return AccountState(user, dex, self.clock.now_ms(), Decimal(5_000), ())

    async def spot_balances(self, user: Address) -> tuple[SpotBalance, ...]:
        return ()

    async def candles(self, coin: Coin, interval: str, start_ms: int, end_ms: int) -> tuple[Bar, ...]:
        self._note(interval, coin)
        step_ms = STEP_MS[interval]
        first_ms = -(-start_ms // step_ms) * step_ms
        return tuple(
            Bar(coin, at_ms, at_ms + step_ms, *[100.0 + at_ms // step_ms % 7] * 4)
            for at_ms in range(max(first_ms, end_ms - 8 * DAY_MS) // step_ms * step_ms, end_ms + 1, step_ms)
        )

    async def funding_rates(self, coin: Coin, start_ms: int, end_ms: int) -> tuple[FundingRate, ...]:
        self._note("funding_rates", coin)
        return ()
