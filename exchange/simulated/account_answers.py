"""Answers the info requests about accounts; changes when one of them is added."""

from collections.abc import Callable, Mapping
from typing import Any

from exchange.simulated import requests as read
from exchange.simulated.accounts import Account
from exchange.simulated.coins import DAY_MS
from exchange.simulated.decimals import exact
from exchange.simulated.fees import user_fees
from exchange.simulated.market_answers import PAGE, simulated_dex
from exchange.simulated.orders import Orders
from exchange.simulated.panel import Panel
from exchange.simulated.registry import Registry
from exchange.simulated.scores import Scores, is_vault
from exchange.simulated.statements import Statements
from exchange.simulated.venue import BadRequest

Json = Any
Request = Mapping[str, Json]
FILLS_PAGE = 2000
_WINDOWS = ("day", "week", "month", "allTime", "perpDay", "perpWeek", "perpMonth", "perpAllTime")


class AccountAnswers:
    """The account half of `/info`: a table from request type to answer."""

    def __init__(
        self,
        registry: Registry,
        statements: Statements,
        scores: Scores,
        orders: Orders,
        panel: Panel,
        now: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._population = registry.population
        self._statements = statements
        self._scores = scores
        self._orders = orders
        self._panel = panel
        self._origin_ms = panel.origin_ms
        self._now = now
        self.table: dict[str, Callable[[Request], Json]] = {
            "clearinghouseState": self._clearinghouse,
            "batchClearinghouseStates": self._batch,
            "spotClearinghouseState": lambda r: statements.spot_state(self._account(r), now()),
            "userFills": self._user_fills,
            "userFillsByTime": self._user_fills_by_time,
            "userTwapSliceFills": self._twap_fills,
            "userTwapSliceFillsByTime": self._twap_fills,
            "portfolio": self._portfolio,
            "userFunding": self._user_funding,
            "userNonFundingLedgerUpdates": self._ledger,
            "subAccounts": self._sub_accounts,
            "userRole": self._role,
            "userFees": lambda r: user_fees(self._account(r), now()),
            "userRateLimit": self._rate_limit,
            "vaultDetails": self._vault_details,
            "openOrders": lambda r: self._open_orders(r, frontend=False),
            "frontendOpenOrders": lambda r: self._open_orders(r, frontend=True),
            "orderStatus": self._order_status,
            "historicalOrders": self._historical_orders,
            "userAbstraction": lambda r: read.address(r) and "default",
            "extraAgents": self._extra_agents,
        }

    def _account(self, request: Request) -> Account | None:
        return self._registry.find(read.address(request))

    def _clearinghouse(self, request: Request) -> Json:
        return self._statements.clearinghouse(self._account(request), simulated_dex(request), self._now())

    def _batch(self, request: Request) -> Json:
        users = request.get("users")
        if not isinstance(users, list):
            raise BadRequest("users")
        return [self._clearinghouse({"user": user, "dex": request.get("dex")}) for user in users]

    def _user_fills(self, request: Request) -> Json:
        account, merge = self._account(request), read.flag(request, "aggregateByTime")
        if account is None:
            return []
        return self._statements.fills(account, 0, self._now(), True, FILLS_PAGE, merge)

    def _user_fills_by_time(self, request: Request) -> Json:
        account = self._account(request)
        start, end = read.span(request, self._now())
        merge, newest_first = read.flag(request, "aggregateByTime"), read.flag(request, "reversed")
        if account is None:
            return []
        return self._statements.fills(account, start, end, newest_first, FILLS_PAGE, merge)

    def _twap_fills(self, request: Request) -> Json:
        account = self._account(request)
        by_time = request["type"] == "userTwapSliceFillsByTime"
        start, end = read.span(request, self._now(), None if by_time else 0)
        if account is None:
            return []
        rows = self._statements.twap_fills(account, start, end, self._now())
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
        return self._scores.portfolio(account, self._now())

    def _user_funding(self, request: Request) -> Json:
        account = self._account(request)
        start, end = read.span(request, self._now(), 0)
        return [] if account is None else self._statements.funding(account, start, end, self._now(), PAGE)

    def _ledger(self, request: Request) -> Json:
        account = self._account(request)
        start, end = read.span(request, self._now(), 0)
        return [] if account is None else self._statements.ledger(account, start, end, PAGE)

    def _sub_accounts(self, request: Request) -> Json:
        master = read.address(request)
        subs = self._population.subs.get(master)
        if not subs:
            return None
        return [
            {
                "name": person.name,
                "subAccountUser": person.address,
                "master": master,
                "clearinghouseState": self._statements.clearinghouse(
                    self._registry.of(person), "", self._now()
                ),
                "spotState": self._statements.spot_state(self._registry.of(person), self._now()),
            }
            for person in subs
        ]

    def _role(self, request: Request) -> Json:
        address = read.address(request)
        if address in self._population.agents:
            return {"role": "agent", "data": {"user": self._population.agents[address]}}
        person = self._population.by_address.get(address)
        if person is None:
            return {"role": "missing"}
        if person.master:
            return {"role": "subAccount", "data": {"master": person.master}}
        return {"role": "vault" if is_vault(person) else "user"}

    def _extra_agents(self, request: Request) -> Json:
        address = read.address(request)
        until = self._origin_ms + 90 * DAY_MS
        return [
            {"name": "bot", "address": agent, "validUntil": until}
            for agent, master in self._population.agents.items()
            if master == address
        ]

    def _fees(self, request: Request) -> Json:
        return user_fees(self._account(request), self._now())

    def _rate_limit(self, request: Request) -> Json:
        account = self._account(request)
        volume = account.curve(self._panel, self._now()).volume(0, self._now(), True) if account else 0
        used = len(account.fills) if account else 0
        return {
            "cumVlm": exact(volume, 6),
            "nRequestsUsed": used,
            "nRequestsCap": 10_000 + volume // 1_000_000,
            "nRequestsSurplus": 0,
        }

    def _vault_details(self, request: Request) -> Json:
        account = self._registry.find(read.address(request, "vaultAddress"))
        if account is None or not is_vault(account.person):
            return None
        return self._scores.vault_details(account, self._now())

    def _open_orders(self, request: Request, frontend: bool) -> Json:
        account, dex = self._account(request), simulated_dex(request)
        return [] if account is None else self._orders.resting(account, dex, self._now(), frontend)

    def _order_status(self, request: Request) -> Json:
        account, oid = self._account(request), request.get("oid")
        if not isinstance(oid, int | str):
            raise BadRequest("oid")
        if account is None or isinstance(oid, str):
            return {"status": "unknownOid"}
        return self._orders.status(account, oid, self._now())

    def _historical_orders(self, request: Request) -> Json:
        account = self._account(request)
        return [] if account is None else self._orders.history(account, FILLS_PAGE)
