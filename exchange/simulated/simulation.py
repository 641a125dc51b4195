"""The simulated market as a venue: one table from request type to answer; changes when a request is added."""

from collections.abc import Callable, Mapping
from typing import Any

from exchange.simulated import requests as read
from exchange.simulated.accounts import Account
from exchange.simulated.book import Books
from exchange.simulated.coins import BY_NAME, DAY_MS, PERPS, TRADED, Coin
from exchange.simulated.config import SimulationConfig
from exchange.simulated.decimals import Printer, exact
from exchange.simulated.fees import user_fees
from exchange.simulated.listings import INTERVALS_MIN, Listings
from exchange.simulated.live import PositionEvent, Tape, Trade
from exchange.simulated.market import Market
from exchange.simulated.orders import Orders
from exchange.simulated.panel import Panel
from exchange.simulated.people import Person, Population
from exchange.simulated.registry import Registry
from exchange.simulated.scores import Scores, is_vault
from exchange.simulated.statements import Statements
from exchange.simulated.venue import BadRequest, WireTrade

Json = Any
Request = Mapping[str, Json]
PAGE = 500
FILLS_PAGE = 2000
_DEXS = ("", "xyz")


class Simulation:
    """A seeded exchange. `clock` gives ms; the tape starts at its first reading."""

    def __init__(self, config: SimulationConfig, clock: Callable[[], int]) -> None:
        self.config = config
        self._clock = clock
        self.origin_ms = clock()
        self._now = self.origin_ms
        self.market = Market(config.seed, config.reversion)
        self.books = Books(self.market)
        self.population = Population(config.seed, config.accounts)
        self.panel = Panel(self.market, self.origin_ms)
        self.registry = Registry(config.seed, self.population, self.panel)
        self.tape = Tape(config, self.market, self.books, self.registry, self.origin_ms)
        printer = Printer(config.float_noise)
        self.listings = Listings(self.market, self.books, printer, self.origin_ms)
        self.statements = Statements(config.seed, self.panel, printer)
        self.scores = Scores(config.seed, self.panel, printer)
        self.orders = Orders(config.seed, self.books)
        self._known = frozenset(coin.coin for coin in (*TRADED, *PERPS))
        self._answers: dict[str, Callable[[Request], Json]] = {
            "meta": lambda r: self.listings.meta(self._dex(r)),
            "allPerpMetas": lambda r: [self.listings.meta(dex) for dex in _DEXS],
            "metaAndAssetCtxs": lambda r: self.listings.contexts(self._dex(r), self.now()),
            "perpDexs": lambda r: self.listings.perp_dexs(),
            "spotMeta": lambda r: self.listings.spot_meta(),
            "spotMetaAndAssetCtxs": lambda r: self.listings.spot_contexts(self.now()),
            "allMids": lambda r: self.mids(self._dex(r)),
            "l2Book": self._level2,
            "recentTrades": self._recent_trades,
            "candleSnapshot": self._candles,
            "fundingHistory": self._funding_history,
            "predictedFundings": lambda r: self._predicted(),
            "exchangeStatus": lambda r: {"time": self.now(), "specialStatuses": None},
            "clearinghouseState": self._clearinghouse,
            "batchClearinghouseStates": self._batch,
            "spotClearinghouseState": lambda r: self.statements.spot_state(self._account(r), self.now()),
            "userFills": self._user_fills,
            "userFillsByTime": self._user_fills_by_time,
            "userTwapSliceFills": self._twap_fills,
            "userTwapSliceFillsByTime": self._twap_fills,
            "portfolio": self._portfolio,
            "userFunding": self._user_funding,
            "userNonFundingLedgerUpdates": self._ledger,
            "subAccounts": self._sub_accounts,
            "userRole": self._role,
            "userFees": self._fees,
            "userRateLimit": self._rate_limit,
            "vaultDetails": self._vault_details,
            "vaultSummaries": lambda r: [],
            "openOrders": lambda r: self._open_orders(r, frontend=False),
            "frontendOpenOrders": lambda r: self._open_orders(r, frontend=True),
            "orderStatus": self._order_status,
            "historicalOrders": self._historical_orders,
            "userAbstraction": lambda r: read.address(r) and "default",
            "extraAgents": self._extra_agents,
            "liquidatable": lambda r: [],
        }

    # the venue -------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the time up to which the exchange has been simulated."""
        return self._now

    @property
    def truth(self) -> list[PositionEvent]:
        """Return the position events so far of all known accounts that take decisions."""
        return self.tape.truth

    def run_until(self, until_ms: int) -> list[Trade]:
        """Produce the trades up to a time without any server or clock."""
        self._now = max(self._now, until_ms)
        return self.tape.advance(until_ms)

    def advance(self) -> list[WireTrade]:
        """Let time pass up to the clock's; return the new trades in order."""
        return [self.wire(trade) for trade in self.run_until(self._clock())]

    def coins(self) -> frozenset[str]:
        """Return every coin that can be subscribed to."""
        return self._known

    def recent(self, coin: str) -> list[Json]:
        """Return the last 30 trades of a coin, oldest first."""
        return [self.trade(t) for t in self.tape.recent.get(coin, ())]

    def trade(self, trade: Trade) -> dict[str, Json]:
        """Write one trade (HYPERLIQUID.md §8.3)."""
        coin = trade.coin
        return {
            "coin": coin.coin,
            "side": "B" if trade.taker_buys else "A",
            "px": exact(trade.px, coin.px_decimals),
            "sz": exact(trade.size, coin.sz_decimals),
            "time": trade.time,
            "hash": trade.hash,
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
        return [[dex, self.listings.contexts(dex, self.now())[1]] for dex in _DEXS]

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
            people = (person, *self.population.subs.get(person.address, ()))
            rows.append(self.scores.leaderboard_row(person, [self._snapshot(p) for p in people], now))
        rows.sort(key=lambda row: -row[0])
        return {"leaderboardRows": [row for _, row in rows]}

    def vaults(self) -> Json:
        """Make the vault list."""
        now = self.now()
        return [self.scores.vault_row(self._snapshot(p), now) for p in self.population.rows if is_vault(p)]

    def _snapshot(self, person: Person) -> Account:
        live = self.registry.live(person)
        return self.registry.fresh(person) if live is None else live.copy()

    # market requests -------------------------------------------------------------------------------------

    def _dex(self, request: Request) -> str:
        dex = read.dex(request)
        if dex not in _DEXS:
            raise BadRequest("dex")
        return dex

    def _coin(self, request: Request) -> Coin | None:
        return BY_NAME.get(read.word(request, "coin"))

    def _level2(self, request: Request) -> Json:
        coin, figures, mantissa = self._coin(request), request.get("nSigFigs"), request.get("mantissa")
        if figures not in (None, 2, 3, 4, 5) or mantissa not in (None, 2, 5):
            raise BadRequest("nSigFigs")
        return None if coin is None else self.listings.level2(coin, self.now(), figures)

    def _recent_trades(self, request: Request) -> Json:
        coin = self._coin(request)
        return None if coin is None else self.recent(coin.coin)[::-1]

    def _candles(self, request: Request) -> Json:
        wanted = request.get("req")
        if not isinstance(wanted, Mapping):
            raise BadRequest("req")
        interval = read.word(wanted, "interval")
        if interval not in INTERVALS_MIN:
            raise BadRequest("interval")
        start = read.moment(wanted, "startTime", None)
        end = read.moment(wanted, "endTime", self.now())
        coin = self._coin(wanted)
        return [] if coin is None else self.listings.candles(coin, interval, start, end, self.now())

    def _funding_history(self, request: Request) -> Json:
        start, end = self._range(request)
        coin = self._coin(request)
        return [] if coin is None else self.listings.funding_history(coin, start, end, self.now(), PAGE)

    def _predicted(self) -> Json:
        next_hour = (self.now() // 3_600_000 + 1) * 3_600_000
        contexts = zip(
            self.listings.meta("")["universe"], self.listings.contexts("", self.now())[1], strict=True
        )
        return [
            [asset["name"], [["HlPerp", {"fundingRate": ctx["funding"], "nextFundingTime": next_hour,
                                         "fundingIntervalHours": 1}]]]
            for asset, ctx in contexts if "isDelisted" not in asset
        ]  # fmt: skip

    # account requests ------------------------------------------------------------------------------------

    def _account(self, request: Request) -> Account | None:
        return self.registry.find(read.address(request))

    def _range(self, request: Request, start: int | None = None) -> tuple[int, int]:
        return read.moment(request, "startTime", start), min(
            read.moment(request, "endTime", read.FOREVER), self.now()
        )

    def _clearinghouse(self, request: Request) -> Json:
        return self.statements.clearinghouse(self._account(request), self._dex(request), self.now())

    def _batch(self, request: Request) -> Json:
        users = request.get("users")
        if not isinstance(users, list):
            raise BadRequest("users")
        return [self._clearinghouse({"user": user, "dex": request.get("dex")}) for user in users]

    def _user_fills(self, request: Request) -> Json:
        account, merge = self._account(request), read.flag(request, "aggregateByTime")
        if account is None:
            return []
        return self.statements.fills(account, 0, self.now(), True, FILLS_PAGE, merge)

    def _user_fills_by_time(self, request: Request) -> Json:
        account = self._account(request)
        start, end = self._range(request)
        merge, newest_first = read.flag(request, "aggregateByTime"), read.flag(request, "reversed")
        if account is None:
            return []
        return self.statements.fills(account, start, end, newest_first, FILLS_PAGE, merge)

    def _twap_fills(self, request: Request) -> Json:
        account = self._account(request)
        by_time = request["type"] == "userTwapSliceFillsByTime"
        start, end = self._range(request, None if by_time else 0)
        if account is None:
            return []
        rows = self.statements.twap_fills(account, start, end, self.now())
        return rows[:FILLS_PAGE] if by_time else rows[::-1][:FILLS_PAGE]

    def _portfolio(self, request: Request) -> Json:
        account = self._account(request)
        if account is None:
            empty = {"accountValueHistory": [], "pnlHistory": [], "vlm": "0.0"}
            return [
                [name, empty]
                for name in (
                    "day",
                    "week",
                    "month",
                    "allTime",
                    "perpDay",
                    "perpWeek",
                    "perpMonth",
                    "perpAllTime",
                )
            ]
        return self.scores.portfolio(account, self.now())

    def _user_funding(self, request: Request) -> Json:
        account = self._account(request)
        start, end = self._range(request, 0)
        return [] if account is None else self.statements.funding(account, start, end, self.now(), PAGE)

    def _ledger(self, request: Request) -> Json:
        account = self._account(request)
        start, end = self._range(request, 0)
        return [] if account is None else self.statements.ledger(account, start, end, PAGE)

    def _sub_accounts(self, request: Request) -> Json:
        master = read.address(request)
        subs = self.population.subs.get(master)
        if not subs:
            return None
        return [
            {
                "name": person.name,
                "subAccountUser": person.address,
                "master": master,
                "clearinghouseState": self.statements.clearinghouse(self.registry.of(person), "", self.now()),
                "spotState": self.statements.spot_state(self.registry.of(person), self.now()),
            }
            for person in subs
        ]

    def _role(self, request: Request) -> Json:
        address = read.address(request)
        if address in self.population.agents:
            return {"role": "agent", "data": {"user": self.population.agents[address]}}
        person = self.population.by_address.get(address)
        if person is None:
            return {"role": "missing"}
        if person.master:
            return {"role": "subAccount", "data": {"master": person.master}}
        return {"role": "vault" if is_vault(person) else "user"}

    def _extra_agents(self, request: Request) -> Json:
        address = read.address(request)
        until = self.origin_ms + 90 * DAY_MS
        return [
            {"name": "bot", "address": agent, "validUntil": until}
            for agent, master in self.population.agents.items()
            if master == address
        ]

    def _fees(self, request: Request) -> Json:
        return user_fees(self._account(request), self.now())

    def _rate_limit(self, request: Request) -> Json:
        account = self._account(request)
        volume = account.curve(self.panel, self.now()).volume(0, self.now(), True) if account else 0
        used = len(account.fills) if account else 0
        return {
            "cumVlm": exact(volume, 6),
            "nRequestsUsed": used,
            "nRequestsCap": 10_000 + volume // 1_000_000,
            "nRequestsSurplus": 0,
        }

    def _vault_details(self, request: Request) -> Json:
        account = self.registry.find(read.address(request, "vaultAddress"))
        if account is None or not is_vault(account.person):
            return None
        return self.scores.vault_details(account, self.now())

    def _open_orders(self, request: Request, frontend: bool) -> Json:
        account, dex = self._account(request), self._dex(request)
        return [] if account is None else self.orders.resting(account, dex, self.now(), frontend)

    def _order_status(self, request: Request) -> Json:
        account, oid = self._account(request), request.get("oid")
        if not isinstance(oid, int | str):
            raise BadRequest("oid")
        if account is None or isinstance(oid, str):
            return {"status": "unknownOid"}
        return self.orders.status(account, oid, self.now())

    def _historical_orders(self, request: Request) -> Json:
        account = self._account(request)
        return [] if account is None else self.orders.history(account, FILLS_PAGE)
