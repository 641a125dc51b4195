"""Serves recorded fills as a Hyperliquid-compatible exchange in scaled time; changes with how a replay runs.

Prices are the last recorded ones, the book is a made-up narrow one around them, equity is an assumed deposit
plus what the fills made. Fills, positions, trades and their order are the recording's.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from exchange.simulated.config import SimulationConfig
from exchange.simulated.recorded_book import RecordedMarket, Trader
from exchange.simulated.recorded_listings import RecordedListings
from exchange.simulated.recorded_statements import RecordedStatements
from exchange.simulated.recording import address_of, record
from exchange.simulated.server import VenueServer, wall_clock
from exchange.simulated.venue import BadRequest, WireTrade

Json = Any


class ReplayVenue:
    """A recording as a venue.

    `fills` maps each user to its fills in exchange form and execution order. The recording's time starts at
    `start_ms` (default: the first fill) and runs `speed` times as fast as the clock; earlier is history.
    `dated_now` moves all times so that the start is the clock's now and the speed is already in them.
    """

    def __init__(
        self,
        fills: Mapping[str, Iterable[Mapping[str, Json]]],
        clock: Callable[[], int] = wall_clock,
        speed: float = 1.0,
        start_ms: int | None = None,
        dated_now: bool = False,
    ) -> None:
        if speed <= 0:
            raise ValueError(f"speed is {speed}; expected more than 0")
        rows = {user: list(of_user) for user, of_user in fills.items()}
        times = [int(row["time"]) for of_user in rows.values() for row in of_user]
        if not times:
            raise ValueError("there are no fills to replay")
        start = min(times) if start_ms is None else start_ms
        self._clock, self._began = clock, clock()
        self._speed, self._start = (1.0, self._began) if dated_now else (speed, start)
        retime = (lambda t: self._began + round((t - start) / speed)) if dated_now else (lambda t: t)
        self._moments = record(rows, retime)
        self._next = 0
        self.market = RecordedMarket(self._moments)
        self.traders = {address_of(user): Trader(address_of(user)) for user in rows}
        self.addresses = {user: address_of(user) for user in rows}
        self._recent: dict[str, deque[Json]] = {c: deque(maxlen=30) for c in self.market.size_decimals}
        self._now = self._start
        self._take(self._start - 1)  # history
        self._listings = RecordedListings(self.market, self.now, self.recent)
        self._statements = RecordedStatements(self.traders, self.market, self.now)
        self._answers = self._listings.table() | self._statements.table()

    # the venue -------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the recording's time."""
        return self._now

    @property
    def finished(self) -> bool:
        """Say whether the recording is at its end."""
        return self._next == len(self._moments)

    def coins(self) -> frozenset[str]:
        """Return every coin of the recording."""
        return frozenset(self.market.size_decimals)

    def advance(self) -> list[WireTrade]:
        """Let the recording run up to the clock; return its trades."""
        self._now = self._start + int((self._clock() - self._began) * self._speed)
        return self._take(self._now)

    def _take(self, until: int) -> list[WireTrade]:
        taken: list[WireTrade] = []
        while self._next < len(self._moments) and self._moments[self._next].time <= until:
            moment = self._moments[self._next]
            self._next += 1
            for fill in moment.fills:
                self.traders[fill.user].apply(fill)
            self.market.apply(moment.fills[0])
            if moment.public:
                self._recent[moment.trade.coin].append(moment.trade.trade)
                taken.append(moment.trade)
        return taken

    def recent(self, coin: str) -> list[Json]:
        """Return the last 30 trades of a coin, oldest first."""
        return list(self._recent.get(coin, ()))

    def answer(self, request: Mapping[str, Json]) -> Json:
        """Answer an info request; raise BadRequest if it can't be read."""
        kind = request.get("type")
        found = self._answers.get(kind) if isinstance(kind, str) else None
        if found is None:
            raise BadRequest("type")
        return found(request)

    def book(self, coin: str, figures: int | None, levels: int) -> Json:
        """Return a made-up `l2Book`."""
        return self._listings.book(coin, levels)

    def best(self, coin: str) -> Json:
        """Return a `bbo`."""
        return self._listings.best(coin)

    def context(self, coin: str) -> tuple[str, Json]:
        """Return the channel name and the asset context of a coin."""
        return "activeAssetCtx", {"coin": coin, "ctx": self._listings.context(coin)}

    def contexts(self) -> list[Json]:
        """Return `[dex, contexts]` of every dex."""
        return self._listings.contexts()

    def mids(self, dex: str) -> Json:
        """Return the last prices."""
        return self._listings.mids(dex)

    def fast_contexts(self, before: dict[str, Json]) -> tuple[dict[str, Json], str | None]:
        """Return marks and mids, and the packed difference to `before`."""
        return self._listings.fast_contexts(before)

    def candle(self, coin: str, interval: str) -> Json:
        """Return the unfinished candle."""
        return self._listings.candle(coin, interval)

    def leaderboard(self) -> Json:
        """Make a leaderboard of the recorded users, from what they realized."""
        return self._statements.leaderboard()

    def stop(self) -> None:
        """Do nothing: no answer of a recording is slow."""

    def vaults(self) -> Json:
        """Return no vaults."""
        return []


class ReplayExchange(VenueServer):
    """Recorded fills served on loopback: `async with ReplayExchange(fills, speed=60) as replay: …`."""

    def __init__(
        self,
        fills: Mapping[str, Iterable[Mapping[str, Json]]],
        config: SimulationConfig | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], int] = wall_clock,
        speed: float = 1.0,
        start_ms: int | None = None,
        dated_now: bool = False,
    ) -> None:
        self.replay = ReplayVenue(fills, clock, speed, start_ms, dated_now)
        super().__init__(self.replay, config or SimulationConfig(), host, port)
