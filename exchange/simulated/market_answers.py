"""Answers the info requests about markets; changes when one of them is added."""

from collections.abc import Callable, Mapping
from typing import Any

from exchange.simulated import requests as read
from exchange.simulated.coins import BY_NAME, DEXS, Coin
from exchange.simulated.listings import INTERVALS_MIN, Listings
from exchange.simulated.venue import BadRequest

Json = Any
Request = Mapping[str, Json]
PAGE = 500


class MarketAnswers:
    """The market half of `/info`: a table from request type to answer."""

    def __init__(
        self, listings: Listings, now: Callable[[], int], recent: Callable[[str], list[Json]]
    ) -> None:
        self._listings = listings
        self._now = now
        self._recent = recent
        self.table: dict[str, Callable[[Request], Json]] = {
            "meta": lambda r: listings.meta(simulated_dex(r), now()),
            "allPerpMetas": lambda r: [listings.meta(dex, now()) for dex in DEXS],
            "metaAndAssetCtxs": lambda r: listings.contexts(simulated_dex(r), now()),
            "perpDexs": lambda r: listings.perp_dexs(),
            "spotMeta": lambda r: listings.spot_meta(),
            "spotMetaAndAssetCtxs": lambda r: listings.spot_contexts(now()),
            "allMids": lambda r: listings.all_mids(simulated_dex(r), now()),
            "l2Book": self._level2,
            "recentTrades": self._recent_trades,
            "candleSnapshot": self._candles,
            "fundingHistory": self._funding_history,
            "predictedFundings": lambda r: self._predicted(),
            "exchangeStatus": lambda r: {"time": now(), "specialStatuses": None},
            "vaultSummaries": lambda r: [],
            "liquidatable": lambda r: [],
        }

    def _coin(self, request: Request) -> Coin | None:
        coin = BY_NAME.get(read.word(request, "coin"))
        return coin if coin is not None and self._listings.listed(coin, self._now()) else None

    def _level2(self, request: Request) -> Json:
        coin, figures, mantissa = self._coin(request), request.get("nSigFigs"), request.get("mantissa")
        if figures not in (None, 2, 3, 4, 5) or mantissa not in (None, 2, 5):
            raise BadRequest("nSigFigs")
        return None if coin is None else self._listings.level2(coin, self._now(), figures)

    def _recent_trades(self, request: Request) -> Json:
        coin = self._coin(request)
        return None if coin is None else self._recent(coin.coin)[::-1]

    def _candles(self, request: Request) -> Json:
        wanted = request.get("req")
        if not isinstance(wanted, Mapping):
            raise BadRequest("req")
        interval = read.word(wanted, "interval")
        if interval not in INTERVALS_MIN:
            raise BadRequest("interval")
        start = read.moment(wanted, "startTime", None)
        end = read.moment(wanted, "endTime", self._now())
        coin = self._coin(wanted)
        return [] if coin is None else self._listings.candles(coin, interval, start, end, self._now())

    def _funding_history(self, request: Request) -> Json:
        start, end = read.span(request, self._now())
        coin = self._coin(request)
        return [] if coin is None else self._listings.funding_history(coin, start, end, self._now(), PAGE)

    def _predicted(self) -> Json:
        next_hour = (self._now() // 3_600_000 + 1) * 3_600_000
        contexts = zip(
            self._listings.meta("", self._now())["universe"],
            self._listings.contexts("", self._now())[1],
            strict=True,
        )
        return [
            [asset["name"], [["HlPerp", {"fundingRate": ctx["funding"], "nextFundingTime": next_hour,
                                         "fundingIntervalHours": 1}]]]
            for asset, ctx in contexts if "isDelisted" not in asset
        ]  # fmt: skip


def simulated_dex(request: Request) -> str:
    """Return the dex a request names; raise BadRequest if there is no such dex."""
    dex = read.dex(request)
    if dex not in DEXS:
        raise BadRequest("dex")
    return dex
