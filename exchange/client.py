"""Everything we ask Hyperliquid by HTTP: the ``Exchange`` port, one method per question."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import httpx
import structlog

from core.errors import PayloadError
from core.model.fills import (
    AccountState,
    Fill,
    FundingPayment,
    LeaderboardRow,
    Portfolio,
    SpotBalance,
    SubAccount,
    Transfer,
)
from core.model.market import Address, Bar, Book, Coin, CoinSpec, FundingRate, Listings
from core.ports import Exchange, Sleep
from exchange.limits import Priority, WeightBudget
from exchange.paging import Pager
from exchange.transport import RequestLog, Transport
from exchange.wire import accounts, fills, leaderboard, market
from exchange.wire.decode import Payload, refuse

log = structlog.get_logger(__name__)

T = TypeVar("T")
R = TypeVar("R", market.CandleRow, market.FundingRateRow, accounts.FundingRow, accounts.LedgerRow)
F = TypeVar("F", fills.FillRow, fills.TwapSliceRow)

FILLS_PAGE = 2000
RANGE_PAGE = 500
"""What a time-range query returns at most, where its page doesn't say otherwise."""

MAX_BAD_ROWS = 100
"""Leaderboard rows that may be unreadable before the whole of it is called wrong."""


def _ignore(*, endpoint: str, weight: int, status: int | None, latency_ms: int, time_ms: int) -> None:
    """Log no request."""


class HyperliquidClient:
    """Ask Hyperliquid, or a server that speaks like it; raises ``ExchangeError`` only.

    ``http`` stays the caller's to close. Requests have the priority the client was made with;
    ``at`` gives the same client with another one.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        leaderboard_url: str,
        budget: WeightBudget,
        now_ms: Callable[[], int],
        rng: random.Random,
        log_request: RequestLog = _ignore,
        sleep: Sleep = asyncio.sleep,
        priority: Priority = Priority.COLLECTION,
    ) -> None:
        info_url = base_url.rstrip("/") + "/info"
        self._transport = Transport(http, info_url, budget, now_ms, log_request, rng, sleep)
        self._leaderboard_url = leaderboard_url
        self._priority = priority

    def at(self, priority: Priority) -> "HyperliquidClient":
        """Return this client with another priority: same connections, same budget."""
        other = object.__new__(HyperliquidClient)
        other._transport = self._transport
        other._leaderboard_url = self._leaderboard_url
        other._priority = priority
        return other

    # --- the market -----------------------------------------------------------------------------

    async def dexes(self) -> tuple[str, ...]:
        """Return the names of all dexes, the main one first as ``""``."""
        return market.dexes_of(await self._ask(market.perp_dexs, "perpDexs"))

    async def coins(self, dex: str = "") -> tuple[CoinSpec, ...]:
        """Return the perpetuals of one dex, delisted ones included."""
        return market.specs_of(await self._ask(market.meta, "meta", **_dex(dex)), dex)

    async def listings(self, dex: str = "") -> Listings:
        """Return the same with the current funding rates, at the same weight."""
        answer = await self._ask(market.meta_and_contexts, "metaAndAssetCtxs", **_dex(dex))
        return market.listings_of(answer, dex)

    async def mids(self, dex: str = "") -> Mapping[Coin, Decimal]:
        """Return the mids of one dex; the main one's include spot pairs."""
        read = partial(market.all_mids.read, convert=market.mids_of)
        mids: Mapping[Coin, Decimal] = await self._transport.ask(
            {"type": "allMids", **_dex(dex)}, read, self._priority
        )
        return mids

    async def book(self, coin: Coin) -> Book | None:
        """Return a coin's order book, or None for a coin the exchange doesn't know."""
        row = await self._ask_or_null(market.l2_book, "l2Book", coin=coin)
        return None if row is None else market.book_of(row)

    async def candles(self, coin: Coin, interval: str, start_ms: int, end_ms: int) -> tuple[Bar, ...]:
        """Return candles that open inside the range, oldest first; only the newest 5000 exist."""

        async def page(start: int) -> list[market.CandleRow]:
            span = {"coin": coin, "interval": interval, "startTime": start, "endTime": end_ms}
            return await self._ask(market.candle_snapshot, "candleSnapshot", req=span)

        rows = await self._walk(page, start_ms, end_ms, lambda row: row.open_ms, lambda row: row.last_ms)
        return tuple(market.bar_of(row) for row in rows)

    async def funding_rates(self, coin: Coin, start_ms: int, end_ms: int) -> tuple[FundingRate, ...]:
        """Return a coin's hourly funding rates, oldest first."""

        async def page(start: int) -> list[market.FundingRateRow]:
            span = {"coin": coin, "startTime": start, "endTime": end_ms}
            return await self._ask(market.funding_history, "fundingHistory", **span)

        rows = await self._walk(page, start_ms, end_ms, lambda row: row.time)
        return tuple(market.rate_of(row) for row in rows)

    # --- accounts -------------------------------------------------------------------------------

    async def account_state(self, user: Address, dex: str = "") -> AccountState:
        """Return equity and positions on one dex; zeros for an account nobody knows."""
        row = await self._ask(accounts.clearinghouse_state, "clearinghouseState", user=user, **_dex(dex))
        return accounts.state_of(row, user, dex)

    async def spot_balances(self, user: Address) -> tuple[SpotBalance, ...]:
        """Return spot balances."""
        row = await self._ask(accounts.spot_clearinghouse_state, "spotClearinghouseState", user=user)
        return accounts.balances_of(row)

    async def portfolio(self, user: Address) -> Portfolio:
        """Return the exchange's own equity and profit curves."""
        rows = await self._ask(accounts.portfolio, "portfolio", user=user)
        return accounts.portfolio_of(rows, user)

    async def sub_accounts(self, master: Address) -> tuple[SubAccount, ...]:
        """Return a master's sub-accounts with their main-dex states."""
        rows = await self._ask_or_null(accounts.sub_accounts, "subAccounts", user=master)
        return accounts.sub_accounts_of(rows or [])

    async def role(self, user: Address) -> str:
        """Return ``user``, ``vault``, ``agent``, ``subAccount`` or ``missing``; weighs 60."""
        return (await self._ask(accounts.user_role, "userRole", user=user)).role

    # --- history --------------------------------------------------------------------------------

    async def fills(self, user: Address, start_ms: int, end_ms: int) -> AsyncIterator[tuple[Fill, ...]]:
        """Yield pages of fills in execution order, no fill twice; TWAP slices aren't among them."""
        pager = Pager(start_ms, end_ms, FILLS_PAGE, fills.row_time, _fill_key)
        while (start := pager.next_ms) is not None:
            rows = await self._fill_page(fills.user_fills_by_time, "userFillsByTime", user, start, end_ms)
            page = tuple(fills.fill_of(row, user, seq) for seq, row in pager.accept(rows))
            if page:
                yield page
        self._warn_of_overfull(pager.overfull_ms, user)

    async def twap_fills(self, user: Address, start_ms: int, end_ms: int) -> tuple[Fill, ...]:
        """Return the TWAP slices, which ``fills`` omits; the exchange keeps about 13 days."""
        pager = Pager(start_ms, end_ms, FILLS_PAGE, fills.row_time, _slice_key)
        found: list[Fill] = []
        while (start := pager.next_ms) is not None:
            rows = await self._fill_page(
                fills.user_twap_slice_fills, "userTwapSliceFillsByTime", user, start, end_ms
            )
            found += [fills.fill_of(row.fill, user, seq, row.twap_id) for seq, row in pager.accept(rows)]
        self._warn_of_overfull(pager.overfull_ms, user)
        return tuple(found)

    async def funding(self, user: Address, start_ms: int, end_ms: int) -> tuple[FundingPayment, ...]:
        """Return funding payments, oldest first; rows older than some weeks are daily ones."""

        async def page(start: int) -> list[accounts.FundingRow]:
            span = {"user": user, "startTime": start, "endTime": end_ms}
            return await self._ask(accounts.user_funding, "userFunding", **span)

        rows = await self._walk(page, start_ms, end_ms, lambda row: row.time)
        return tuple(accounts.payment_of(row, user) for row in rows)

    async def transfers(self, user: Address, start_ms: int, end_ms: int) -> tuple[Transfer, ...]:
        """Return money that came into or left the account, oldest first."""

        async def page(start: int) -> list[accounts.LedgerRow]:
            span = {"user": user, "startTime": start, "endTime": end_ms}
            return await self._ask(accounts.user_ledger, "userNonFundingLedgerUpdates", **span)

        rows = await self._walk(page, start_ms, end_ms, lambda row: row.time)
        transfers = (accounts.transfer_of(row, user) for row in rows)
        return tuple(transfer for transfer in transfers if transfer is not None)

    # --- the statistics host --------------------------------------------------------------------

    async def leaderboard(self) -> AsyncIterator[LeaderboardRow]:
        """Stream the leaderboard's rows.

        Those without a real address are left out, and a few unreadable ones; both are reported once.
        """
        unreadable = malformed = 0
        first: str | None = None
        rows = self._rows("leaderboard", self._leaderboard_url, "leaderboardRows")
        async with aclosing(rows):
            async for raw in rows:
                try:
                    row = leaderboard.leaderboard_row_of(raw)
                except PayloadError as error:
                    unreadable += 1
                    first = first or str(error)
                    if unreadable > MAX_BAD_ROWS:
                        raise
                    continue
                if leaderboard.is_address(row.address):
                    yield row
                else:
                    malformed += 1
                    first = first or f"the address {row.address!r}"
        if first is not None:
            log.warning(
                "leaderboard rows left out", unreadable=unreadable, malformed_address=malformed, first=first
            )

    async def vaults(self) -> frozenset[Address]:
        """Return the addresses of all vaults, with the exchange's own."""
        url = self._leaderboard_url.rsplit("/", 1)[0] + "/vaults"
        found = set(leaderboard.KNOWN_VAULTS)
        async for raw in self._rows("vaults", url, None):
            found |= leaderboard.vaults_of(raw)
        return frozenset(found)

    # --- how ------------------------------------------------------------------------------------

    async def _ask(self, payload: Payload[T], endpoint: str, **query: object) -> T:
        return await self._transport.ask({"type": endpoint, **query}, payload.decode, self._priority)

    async def _ask_or_null(self, payload: Payload[T], endpoint: str, **query: object) -> T:
        """Ask where ``null`` says something: no such coin, no sub-accounts."""
        return await self._transport.ask(
            {"type": endpoint, **query}, payload.decode, self._priority, null_is_an_answer=True
        )

    async def _fill_page(
        self, payload: Payload[list[F]], endpoint: str, user: Address, start_ms: int, end_ms: int
    ) -> list[F]:
        query = {"user": user, "startTime": start_ms, "endTime": end_ms, "aggregateByTime": False}
        rows: list[F] = await self._ask(payload, endpoint, **query)
        return fills.in_execution_order(rows)

    async def _walk(
        self,
        page: Callable[[int], Awaitable[list[R]]],
        start_ms: int,
        end_ms: int,
        time_of: Callable[[R], int],
        until_of: Callable[[R], int] | None = None,
    ) -> list[R]:
        """Collect all pages of a time-range query whose rows have no id.

        ``until_of``: up to when a row speaks; one that reaches the end needs no further page.
        """
        pager: Pager[R] = Pager(start_ms, end_ms, RANGE_PAGE, time_of, lambda row: None)
        found: list[R] = []
        while (start := pager.next_ms) is not None:
            found += [row for _, row in pager.accept(sorted(await page(start), key=time_of))]
            if until_of is not None and found and until_of(found[-1]) >= end_ms:
                break
        return found

    async def _rows(self, endpoint: str, url: str, key: str | None) -> AsyncGenerator[bytes, None]:
        splitter = leaderboard.RowSplitter(endpoint, key)
        async with aclosing(self._transport.stream(endpoint, url)) as pieces:
            async for piece in pieces:
                for row in splitter.feed(piece):
                    yield row
        if not splitter.is_complete:
            raise refuse(endpoint, "it ends before its list does")

    def _warn_of_overfull(self, moments: list[int], user: Address) -> None:
        for time_ms in moments:
            log.warning("fills of one millisecond exceed a page", account=user, time_ms=time_ms)


def _dex(dex: str) -> dict[str, str]:
    return {"dex": dex} if dex else {}


def _fill_key(row: fills.FillRow) -> tuple[str, int, str] | None:
    """Return what makes a fill unique among its account's of one time; dust has tid 0, 2023 none."""
    return (row.coin, row.tid, row.side) if row.tid else None


def _slice_key(row: fills.TwapSliceRow) -> tuple[str, int, str] | None:
    return _fill_key(row.fill)


if TYPE_CHECKING:
    _: type[Exchange] = HyperliquidClient
