"""The simulated market as a venue: puts its parts together; changes when a part is added."""

from collections.abc import Callable, Mapping
from typing import Any

from exchange.simulated.account_answers import AccountAnswers
from exchange.simulated.accounts import Account
from exchange.simulated.book import Books
from exchange.simulated.coins import BY_NAME, DEXS, NEW, PERPS, TRADED
from exchange.simulated.config import SimulationConfig
from exchange.simulated.decimals import Printer, exact
from exchange.simulated.listings import Listings
from exchange.simulated.live import Tape
from exchange.simulated.market import Market
from exchange.simulated.market_answers import MarketAnswers
from exchange.simulated.matching import PositionEvent, Trade
from exchange.simulated.orders import Orders
from exchange.simulated.panel import Panel
from exchange.simulated.people import Person, Population
from exchange.simulated.registry import Registry
from exchange.simulated.scores import Scores, is_vault
from exchange.simulated.statements import Statements
from exchange.simulated.venue import BadRequest, WireTrade

Json = Any
Request = Mapping[str, Json]


class Simulation:
    """A seeded exchange. `clock` gives ms; the tape starts at its first reading."""

    def __init__(self, config: SimulationConfig, clock: Callable[[], int]) -> None:
        self.config = config
        self._clock = clock
        self.origin_ms = clock()
        self._now = self.origin_ms
        self._stopped = False
        self.market = Market(config.seed, config.reversion)
        self.books = Books(self.market)
        self.population = Population(config.seed, config.accounts)
        self.panel = Panel(self.market, self.origin_ms)
        self.registry = Registry(config.seed, self.population, self.panel)
        self.tape = Tape(config, self.market, self.books, self.registry, self.origin_ms)
        printer = Printer(config.float_noise)
        self.listings = Listings(self.market, self.books, printer, self.origin_ms, self.tape.listing_ms)
        self.statements = Statements(config.seed, self.panel, printer)
        self.scores = Scores(config.seed, self.panel, printer)
        self._answers = {
            **MarketAnswers(self.listings, self.now, self.recent).table,
            **AccountAnswers(
                self.registry,
                self.statements,
                self.scores,
                Orders(config.seed, self.books),
                self.panel,
                self.now,
            ).table,
        }

    # the venue -------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the time up to which the exchange has been simulated."""
        return self._now

    @property
    def truth(self) -> list[PositionEvent]:
        """Return the position events so far of all known accounts that take decisions."""
        return self.tape.matcher.truth

    def run_until(self, until_ms: int) -> list[Trade]:
        """Produce the trades up to a time without any server or clock."""
        self._now = max(self._now, until_ms)
        return self.tape.advance(until_ms)

    def advance(self) -> list[WireTrade]:
        """Let time pass up to the clock's; return the new trades in order."""
        return [self.wire(trade) for trade in self.run_until(self._clock())]

    def coins(self) -> frozenset[str]:
        """Return every coin that can be subscribed to."""
        known = (*TRADED, *PERPS, NEW)
        return frozenset(c.coin for c in known if self.listings.listed(c, self._now))

    def recent(self, coin: str) -> list[Json]:
        """Return the last 30 trades of a coin, oldest first."""
        return [self.trade(t) for t in self.tape.matcher.recent.get(coin, ())]

    def trade(self, trade: Trade) -> dict[str, Json]:
        """Write one trade."""
        coin = trade.coin
        return {
            "coin": coin.coin,
            "side": "B" if trade.taker_buys else "A",
            "px": exact(trade.px, coin.px_decimals),
            "sz": exact(trade.size, coin.sz_decimals),
            "time": trade.time,
            "hash": self.statements.transaction(trade.tx),
            "tid": trade.tid,
            "users": [trade.buyer, trade.seller],
        }

    def wire(self, trade: Trade) -> WireTrade:
        """Write one trade and its two fills."""
        fills = tuple(
            (user, self.statements.fill(fill), fill.twap_id)
            for user, fill in ((trade.buyer, trade.bought), (trade.seller, trade.sold))
        )
        return WireTrade(trade.coin.coin, self.trade(trade), fills)

    def answer(self, request: Request) -> Json:
        """Answer an info request; raise BadRequest if it can't be read."""
        kind = request.get("type")
        found = self._answers.get(kind) if isinstance(kind, str) else None
        if found is None:
            raise BadRequest("type")
        return found(request)

    def book(self, coin: str, figures: int | None, levels: int) -> Json:
        """Return an `l2Book`."""
        return self.listings.level2(BY_NAME[coin], self.now(), figures, levels)

    def best(self, coin: str) -> Json:
        """Return a `bbo`."""
        return self.listings.best(BY_NAME[coin], self.now())

    def context(self, coin: str) -> tuple[str, Json]:
        """Return the channel name and the asset context of a coin."""
        market = BY_NAME[coin]
        channel = "activeSpotAssetCtx" if market.spot else "activeAssetCtx"
        return channel, {"coin": coin, "ctx": self.listings.context(market, self.now())}

    def contexts(self) -> list[Json]:
        """Return `[dex, contexts]` of every dex."""
        return [[dex, self.listings.contexts(dex, self.now())[1]] for dex in DEXS]

    def mids(self, dex: str) -> Json:
        """Return all mids of a dex."""
        return self.listings.all_mids(dex, self.now())

    def fast_contexts(self, before: dict[str, Json]) -> tuple[dict[str, Json], str | None]:
        """Return the current marks and mids, and the packed difference to `before`."""
        return self.listings.fast_contexts(self.now(), before)

    def candle(self, coin: str, interval: str) -> Json:
        """Return the unfinished candle."""
        return self.listings.current_candle(BY_NAME[coin], interval, self.now())

    def leaderboard(self) -> Json:
        """Make the leaderboard: one row per master or lone account, ordered by the month's volume."""
        now, rows = self.now(), list[tuple[int, Json]]()
        for person in self.population.rows:
            if self._stopped:
                break
            people = (person, *self.population.subs.get(person.address, ()))
            rows.append(self.scores.leaderboard_row(person, [self._snapshot(p) for p in people], now))
        rows.sort(key=lambda row: -row[0])
        return {"leaderboardRows": [row for _, row in rows]}

    def stop(self) -> None:
        """Let a leaderboard in the making end at once."""
        self._stopped = True

    def vaults(self) -> Json:
        """Make the vault list."""
        now = self.now()
        return [self.scores.vault_row(self._snapshot(p), now) for p in self.population.rows if is_vault(p)]

    def _snapshot(self, person: Person) -> Account:
        live = self.registry.live(person)
        return self.registry.fresh(person) if live is None else live.copy()
