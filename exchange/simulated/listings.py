"""What the exchange says about its markets, as JSON-ready values; changes with the shapes of the wire."""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from exchange.simulated.book import Book, Books, Level
from exchange.simulated.coins import (
    DAY_MS,
    DEXS,
    HOUR_MS,
    NEW,
    SPOT,
    SPOT_HYPE,
    Coin,
    of_dex,
)
from exchange.simulated.decimals import Printer, exact, text
from exchange.simulated.market import Candle, Market

Json = Any
INTERVALS_MIN = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240, "8h": 480, "12h": 720,
    "1d": 1440, "3d": 4320, "1w": 10_080, "1M": 43_200,
}  # fmt: skip
CANDLE_LIMIT = 5000
LISTED_DAYS = 400  # there are no candles older than this
_TIERS = {
    5: ("", ((0, 5),)), 3: ("", ((0, 3),)), 20: ("", ((0, 20),)), 30: ("", ((0, 30),)),
    51: ("tiered 10x", ((0, 10), (3_000_000, 5))),
    52: ("tiered 10x (2)", ((0, 10), (20_000_000, 5))),
    53: ("tiered 20x", ((0, 20), (40_000_000, 10))),
    54: ("tiered 20x (2)", ((0, 20), (70_000_000, 10))),
    55: ("tiered 25x", ((0, 25), (100_000_000, 15))),
    56: ("tiered 40x", ((0, 40), (150_000_000, 20))),
}  # fmt: skip
_TOKENS = (("USDC", 8, 8, 0), ("PURR", 0, 5, 1), ("HYPE", 2, 8, 150))
_GROWTH = ("xyz:XYZ100", "xyz:NVDA")


class Listings:
    """Writes the market answers of the info endpoint."""

    def __init__(
        self, market: Market, books: Books, printer: Printer, origin_ms: int, listing_ms: int | None = None
    ) -> None:
        self.market = market
        self.books = books
        self._print = printer
        self._listing_ms = listing_ms
        self._born_ms = origin_ms - LISTED_DAYS * DAY_MS

    def listed(self, coin: Coin, now: int) -> bool:
        """Say whether a coin is known yet."""
        return coin is not NEW or (self._listing_ms is not None and now >= self._listing_ms)

    def perps(self, dex: str, now: int) -> tuple[Coin, ...]:
        """Return the perpetuals of one dex in asset order; a new listing comes last."""
        return (*of_dex(dex), NEW) if not dex and self.listed(NEW, now) else of_dex(dex)

    def meta(self, dex: str, now: int) -> Json:
        """Write `meta` of one dex."""
        coins = self.perps(dex, now)
        used = sorted({c.margin_table for c in coins if c.margin_table >= 50})
        tables = [
            [
                number,
                {
                    "description": _TIERS[number][0],
                    "marginTiers": [
                        {"lowerBound": text(float(bound)), "maxLeverage": most}
                        for bound, most in _TIERS[number][1]
                    ],
                },
            ]
            for number in used
        ]
        return {"universe": [_asset(c) for c in coins], "marginTables": tables, "collateralToken": 0}

    def perp_dexs(self) -> Json:
        """Write `perpDexs`; the first entry, null, is the main dex."""
        return [
            None,
            {
                "name": "xyz",
                "fullName": "XYZ",
                "deployer": "0x88806a71d74ad0a510b350545c9ae490912f0888",
                "oracleUpdater": None,
                "feeRecipient": "0x88806a71d74ad0a510b350545c9ae490912f0888",
                "assetToStreamingOiCap": [[c.coin, "25000000.0"] for c in of_dex("xyz")],
                "subDeployers": [],
                "deployerFeeScale": "1.0",
                "lastDeployerFeeScaleChangeTime": "2025-11-23T17:37:10.033211662",
                "assetToFundingMultiplier": [],
                "assetToFundingInterestRate": [],
            },
        ]

    def context(self, coin: Coin, now: int) -> Json:
        """Write one asset context."""
        market, px = self.market, coin.px_decimals
        before = exact(market.mark(coin, now - DAY_MS), px)
        mark = exact(market.mark(coin, now), px)
        volume = market.day_volume(coin, now)
        book = self.books.at(coin, now)
        mid = self.mid(coin, now)
        base = text(round(volume / (market.mark(coin, now) / coin.px_scale), 10))
        if coin.spot:
            return {
                "prevDayPx": before, "dayNtlVlm": text(volume), "markPx": mark, "midPx": mid,
                "circulatingSupply": "595188109.0328299999", "coin": coin.coin,
                "totalSupply": "595188115.5556099415", "dayBaseVlm": base,
            }  # fmt: skip
        hour = np.array([now // HOUR_MS])
        live = not coin.delisted
        return {
            "funding": text(float(market.funding_rates(coin, hour)[0])),
            "openInterest": self._print.units(market.open_interest(coin, now), coin.sz_decimals),
            "prevDayPx": before,
            "dayNtlVlm": text(volume),
            "premium": text(float(market.premiums(coin, hour)[0])) if live else None,
            "oraclePx": exact(market.oracle(coin, now), px),
            "markPx": mark,
            "midPx": mid,
            "impactPxs": [exact(book.bids[2].px, px), exact(book.asks[2].px, px)] if live else None,
            "dayBaseVlm": base,
        }

    def contexts(self, dex: str, now: int) -> Json:
        """Write `metaAndAssetCtxs`."""
        return [self.meta(dex, now), [self.context(c, now) for c in self.perps(dex, now)]]

    def spot_meta(self) -> Json:
        """Write `spotMeta`."""
        return {
            "universe": [
                {"tokens": [150, 0], "name": "@107", "index": 107, "isCanonical": False}
                if c is SPOT_HYPE
                else {"tokens": [1, 0], "name": "PURR/USDC", "index": 0, "isCanonical": True}
                for c in SPOT
            ],
            "tokens": [
                {
                    "name": name, "szDecimals": size, "weiDecimals": wei, "index": index,
                    "tokenId": f"0x{index:032x}", "isCanonical": index < 2, "evmContract": None,
                    "fullName": None, "deployerTradingFeeShare": "0.0",
                }
                for name, size, wei, index in _TOKENS
            ],
        }  # fmt: skip

    def spot_contexts(self, now: int) -> Json:
        """Write `spotMetaAndAssetCtxs`."""
        return [self.spot_meta(), [self.context(c, now) for c in SPOT]]

    def mid(self, coin: Coin, now: int) -> str | None:
        """Write the middle of the book."""
        if coin.delisted:
            return None
        return exact(sum(self.books.touch(coin, now)) * 5, coin.px_decimals + 1)

    def all_mids(self, dex: str, now: int) -> Json:
        """Write `allMids`; the main dex has the spot pairs too."""
        coins = (*self.perps(dex, now), *(SPOT if not dex else ()))
        return {c.coin: self.mid(c, now) or exact(self.market.mark(c, now), c.px_decimals) for c in coins}

    def fast_contexts(self, now: int, before: dict[str, Json]) -> tuple[dict[str, Json], str | None]:
        """Return mark and mid of every perp, and what changed since `before`, packed, or None."""
        current: dict[str, Json] = {
            c.coin: {"markPx": exact(self.market.mark(c, now), c.px_decimals), "midPx": self.mid(c, now)}
            for dex in DEXS
            for c in self.perps(dex, now)
        }
        changed: dict[str, Json] = {}
        for name, value in current.items():
            old = before.get(name, {})
            difference = {k: v for k, v in value.items() if k not in old or old[k] != v}
            if difference:
                changed[name] = difference
        return current, packed(changed) if changed else None

    def level2(self, coin: Coin, now: int, figures: int | None = None, levels: int = 20) -> Json:
        """Write `l2Book`."""
        book = self.books.at(coin, now)
        bids, asks = _grouped(book, figures)
        return {
            "coin": coin.coin,
            "time": now,
            "levels": [
                [
                    {"px": exact(px, coin.px_decimals), "sz": exact(size, coin.sz_decimals), "n": orders}
                    for px, size, orders in side[:levels]
                ]
                for side in (bids, asks)
            ],
        }

    def best(self, coin: Coin, now: int) -> Json:
        """Write `bbo`."""
        bids, asks = self.level2(coin, now, levels=1)["levels"]
        return {
            "coin": coin.coin,
            "time": now,
            "bbo": [bids[0] if bids else None, asks[0] if asks else None],
        }

    def candle(self, coin: Coin, interval: str, candle: Candle) -> Json:
        """Write one candle."""
        px = coin.px_decimals
        return {
            "t": candle.open_ms,
            "T": candle.close_ms,
            "s": coin.coin,
            "i": interval,
            "o": exact(candle.open, px),
            "c": exact(candle.close, px),
            "h": exact(candle.high, px),
            "l": exact(candle.low, px),
            "v": exact(candle.volume, coin.sz_decimals),
            "n": candle.trades,
        }

    def candles(self, coin: Coin, interval: str, start: int, end: int, now: int) -> list[Json]:
        """Write `candleSnapshot`: bars whose opening lies in [start, end], at most the newest 5000 of all."""
        step = INTERVALS_MIN[interval] * 60_000
        newest = now // step * step
        oldest = max(newest - (CANDLE_LIMIT - 1) * step, self._born_ms // step * step)
        first = max(-(-start // step) * step, oldest)
        last = min(end, now) // step * step
        count = max((last - first) // step + 1, 0)
        return [self.candle(coin, interval, c) for c in self.market.candles(coin, step, first, count, now)]

    def current_candle(self, coin: Coin, interval: str, now: int) -> Json:
        """Write the unfinished candle."""
        step = INTERVALS_MIN[interval] * 60_000
        return self.candle(coin, interval, self.market.candles(coin, step, now // step * step, 1, now)[0])

    def funding_history(self, coin: Coin, start: int, end: int, now: int, limit: int) -> list[Json]:
        """Write `fundingHistory`, oldest first."""
        first = max(-(-start // HOUR_MS), self._born_ms // HOUR_MS)
        hours = np.arange(first, min(end, now) // HOUR_MS + 1)[:limit]
        rates = self.market.funding_rates(coin, hours)
        premiums = self.market.premiums(coin, hours)
        return [
            {
                "coin": coin.coin,
                "fundingRate": text(rate),
                "premium": text(premium),
                "time": hour * HOUR_MS + hour % 90,
            }
            for hour, rate, premium in zip(hours.tolist(), rates.tolist(), premiums.tolist(), strict=True)
        ]


def packed(value: Json) -> str:
    """Pack like `fastAssetCtxs`: base64 of a raw DEFLATE stream of JSON."""
    squeezer = zlib.compressobj(wbits=-15)
    raw = squeezer.compress(json.dumps(value, separators=(",", ":")).encode()) + squeezer.flush()
    return base64.b64encode(raw).decode()


def _asset(coin: Coin) -> Json:
    asset: Json = {
        "szDecimals": coin.sz_decimals,
        "name": coin.coin,
        "maxLeverage": coin.max_leverage,
        "marginTableId": coin.margin_table,
    }
    if coin.only_isolated:
        asset |= {"onlyIsolated": True, "marginMode": "noCross"}
    if coin.delisted:
        asset["isDelisted"] = True
    if coin.coin in _GROWTH:
        asset |= {"growthMode": "enabled", "lastGrowthModeChangeTime": "2025-11-23T17:37:10.033211662"}
    return asset


def _grouped(book: Book, figures: int | None) -> tuple[Sequence[Level], Sequence[Level]]:
    """Return both sides, levels merged to a number of significant figures."""
    if figures is None:
        return book.bids, book.asks
    sides: list[list[Level]] = []
    for levels, up in ((book.bids, False), (book.asks, True)):
        merged: dict[int, tuple[int, int]] = {}
        for px, size, orders in levels:
            step = 10 ** max(len(str(px)) - figures, 0)
            at = -(-px // step) * step if up else px // step * step
            before = merged.get(at, (0, 0))
            merged[at] = (before[0] + size, before[1] + orders)
        sides.append([Level(px, size, orders) for px, (size, orders) in merged.items()])
    return sides[0], sides[1]
