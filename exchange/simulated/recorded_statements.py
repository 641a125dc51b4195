"""What a recording says about its accounts, as JSON-ready values; changes with the shapes of the wire."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from exchange.simulated import requests as read
from exchange.simulated.recorded_book import RecordedMarket, Trader, plain

Json = Any
Request = Mapping[str, Json]
_DEPOSIT = Decimal(100_000)
_PAGE = 2000
_LEVERAGE = 10
_WINDOWS_MS = {"day": 86_400_000, "week": 604_800_000, "month": 2_643_840_000, "allTime": 1 << 62}
_ROWLESS = (
    "userTwapSliceFills", "userTwapSliceFillsByTime", "userFunding", "userNonFundingLedgerUpdates",
    "openOrders", "frontendOpenOrders", "historicalOrders",
)  # fmt: skip


class RecordedStatements:
    """Writes account answers: recorded fills, positions read back from them, and an assumed deposit."""

    def __init__(self, traders: Mapping[str, Trader], market: RecordedMarket, now: Callable[[], int]) -> None:
        self._traders = traders
        self._market = market
        self._now = now

    def table(self) -> dict[str, Callable[[Request], Json]]:
        """Return the answer to each request type."""
        return {
            "clearinghouseState": self._clearinghouse,
            "spotClearinghouseState": lambda r: read.address(r) and {"balances": []},
            "userFills": lambda r: self._fills(r, 0, self._now())[::-1][:_PAGE],
            "userFillsByTime": lambda r: self._fills(r, *read.span(r, self._now()))[:_PAGE],
            "portfolio": self._portfolio,
            "userRole": lambda r: {"role": "user" if self._trader(r) else "missing"},
            "orderStatus": lambda r: {"status": "unknownOid"},
            "userAbstraction": lambda r: "default",
            **{kind: self._nothing for kind in _ROWLESS},
            **{kind: self._null for kind in ("subAccounts", "vaultDetails")},
        }

    @staticmethod
    def _nothing(request: Request) -> Json:
        read.address(request)
        return []

    @staticmethod
    def _null(request: Request) -> Json:
        read.address(request, "vaultAddress" if request["type"] == "vaultDetails" else "user")

    def _trader(self, request: Request) -> Trader | None:
        return self._traders.get(read.address(request))

    def _fills(self, request: Request, start: int, end: int) -> list[Json]:
        trader = self._trader(request)
        return [f.row for f in trader.fills if start <= f.time <= end] if trader else []

    def _equity(self, trader: Trader) -> Decimal:
        return (
            _DEPOSIT
            + trader.realized
            + sum((h.size * self._market.px(c) - h.cost for c, h in trader.holdings.items()), Decimal(0))
        )

    def _clearinghouse(self, request: Request) -> Json:
        trader, dex = self._trader(request), read.dex(request)
        positions: list[Json] = []
        raw = value = self._equity(trader) if trader and not dex else Decimal(0)
        notional = margin = Decimal(0)
        for coin in self._market.perps(dex) if trader else ():
            held = trader.holdings.get(coin) if trader else None
            if held is None or not held.size:
                continue
            worth = held.size * self._market.px(coin)
            profit, entry = worth - held.cost, held.cost / held.size
            raw -= worth
            notional += abs(worth)
            margin += abs(worth) / _LEVERAGE
            positions.append(
                {
                    "type": "oneWay",
                    "position": {
                        "coin": coin,
                        "szi": plain(held.size),
                        "leverage": {"type": "cross", "value": _LEVERAGE},
                        "entryPx": plain(entry),
                        "positionValue": plain(abs(worth)),
                        "unrealizedPnl": plain(profit),
                        "returnOnEquity": plain(profit * _LEVERAGE / abs(held.cost)),
                        "liquidationPx": None,
                        "marginUsed": plain(abs(worth) / _LEVERAGE),
                        "maxLeverage": _LEVERAGE,
                        "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
                    },
                }
            )
        summary = {
            "accountValue": plain(value),
            "totalNtlPos": plain(notional),
            "totalRawUsd": plain(raw),
            "totalMarginUsed": plain(margin),
        }
        return {
            "marginSummary": summary,
            "crossMarginSummary": summary,
            "crossMaintenanceMarginUsed": plain(margin / 2),
            "withdrawable": plain(max(value - margin, Decimal(0))),
            "assetPositions": positions,
            "time": self._now(),
        }

    def _portfolio(self, request: Request) -> Json:
        trader = self._trader(request)
        result: list[Json] = []
        for prefix in ("", "perp"):
            for name, span in _WINDOWS_MS.items():
                since = self._now() - span
                points: list[tuple[int, Decimal]] = []
                if trader is not None:
                    base = _before(trader.profits, since)
                    inside = [(t, p - base) for t, p in trader.profits if t > since]
                    unrealized = self._equity(trader) - _DEPOSIT - trader.realized
                    first = max(since, trader.fills[0].time - 1 if trader.fills else self._now() - 1)
                    thinned = inside[:: max(len(inside) // 60, 1)]
                    last = (self._now(), trader.realized - base + unrealized)
                    points = [(first, Decimal(0)), *thinned, last]
                volume = (
                    trader.volumes[-1][1] - _before(trader.volumes, since) if trader and trader.volumes else 0
                )
                window = f"perp{name[0].upper()}{name[1:]}" if prefix else name
                result.append(
                    [
                        window,
                        {
                            "accountValueHistory": [[t, plain(_DEPOSIT + p)] for t, p in points],
                            "pnlHistory": [[t, plain(p)] for t, p in points],
                            "vlm": plain(Decimal(volume)),
                        },
                    ]
                )
        return result

    def leaderboard(self) -> Json:
        """Make a leaderboard of the recorded users, from what they realized."""
        rows: list[Json] = []
        for trader in self._traders.values():
            windows = []
            for name, span in _WINDOWS_MS.items():
                pnl = trader.realized - _before(trader.profits, self._now() - span)
                volume = (trader.volumes[-1][1] if trader.volumes else Decimal(0)) - _before(
                    trader.volumes, self._now() - span
                )
                windows.append(
                    [name, {"pnl": plain(pnl), "roi": plain(pnl / _DEPOSIT), "vlm": plain(volume)}]
                )
            rows.append(
                {
                    "ethAddress": trader.address,
                    "accountValue": plain(self._equity(trader)),
                    "windowPerformances": windows,
                    "prize": 0,
                    "displayName": None,
                }
            )
        return {"leaderboardRows": rows}


def _before(series: list[tuple[int, Decimal]], time: int) -> Decimal:
    """Return the last value at or before a time, else 0."""
    return next((value for at, value in reversed(series) if at <= time), Decimal(0))
