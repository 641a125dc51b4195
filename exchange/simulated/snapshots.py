"""What a subscriber is sent at once; changes when a channel's first message does."""

from collections.abc import Callable
from typing import Any

from exchange.simulated.subscriptions import Subscription
from exchange.simulated.venue import Venue

Json = Any
Frames = list[tuple[str, Json]]
FAST_LEVELS = 5


class Snapshots:
    """Makes the first frames of every channel except trades and fastAssetCtxs."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def of(self, subscription: Subscription) -> Frames:
        """Return (channel, data) of each first frame."""
        if subscription.user:
            return self._of_user(subscription)
        return self._of_market(subscription)

    def _of_market(self, subscription: Subscription) -> Frames:
        venue, coin, echo = self._venue, subscription.coin, subscription.echo
        match subscription.type:
            case "l2Book":
                levels = FAST_LEVELS if echo["fast"] else 20
                return [("l2Book", venue.book(coin, echo["nSigFigs"], levels))]
            case "bbo":
                return [("bbo", venue.best(coin))]
            case "allMids":
                return [("allMids", {"mids": venue.mids(echo.get("dex") or "")})]
            case "candle":
                return [("candle", venue.candle(coin, echo["interval"]))]
            case "activeAssetCtx":
                return [venue.context(coin)]
            case "allDexsAssetCtxs":
                return [("allDexsAssetCtxs", {"ctxs": venue.contexts()})]
        return []

    def _of_user(self, subscription: Subscription) -> Frames:
        user, kind, echo = subscription.user, subscription.type, subscription.echo
        answer = self._venue.answer
        dex = echo.get("dex") or ""
        asked: dict[str, Json] = {"user": user, "dex": dex}
        makers: dict[str, Callable[[], Json]] = {
            "userFills": lambda: {
                "isSnapshot": True,
                "user": user,
                "fills": answer({"type": kind, "user": user, "aggregateByTime": echo["aggregateByTime"]}),
            },
            "userFundings": lambda: {"isSnapshot": True, "user": user, "fundings": self.fundings(user, 0)},
            "userNonFundingLedgerUpdates": lambda: {
                "isSnapshot": True,
                "user": user,
                "nonFundingLedgerUpdates": answer({"type": kind, "user": user}),
            },
            "userTwapSliceFills": lambda: {
                "isSnapshot": True,
                "user": user,
                "twapSliceFills": answer({"type": kind, "user": user}),
            },
            "userTwapHistory": lambda: {"isSnapshot": True, "user": user, "history": []},
            "clearinghouseState": lambda: {"dex": dex, "user": user, kind: answer({"type": kind, **asked})},
            "allDexsClearinghouseState": lambda: {
                "user": user,
                "clearinghouseStates": self._all_states(user),
            },
            "spotState": lambda: {
                "user": user,
                "spotState": answer({"type": "spotClearinghouseState", "user": user}),
            },
            "openOrders": lambda: {
                "dex": dex,
                "user": user,
                "orders": answer({"type": "frontendOpenOrders", **asked}),
            },
            "twapStates": lambda: {"dex": dex, "user": user, "states": []},
            "orderUpdates": list,
            "webData2": lambda: self._web_data(user),
            "webData3": lambda: self._web_data(user),
            "activeAssetData": lambda: self._asset_data(user, subscription.coin),
        }
        maker = makers.get(kind)
        return [] if maker is None else [(kind, maker())]

    def fundings(self, user: str, since: int) -> list[Json]:
        """Return the funding rows of a user as the channel shows them, from a time on."""
        rows = self._venue.answer({"type": "userFunding", "user": user, "startTime": since})
        return [{"time": r["time"], **_without_type(r["delta"])} for r in rows]

    def _all_states(self, user: str) -> Json:
        dexs = ["" if d is None else d["name"] for d in self._venue.answer({"type": "perpDexs"})]
        return [
            [dex, self._venue.answer({"type": "clearinghouseState", "user": user, "dex": dex})]
            for dex in dexs
        ]

    def _web_data(self, user: str) -> Json:
        meta, contexts = self._venue.answer({"type": "metaAndAssetCtxs"})
        return {
            "clearinghouseState": self._venue.answer({"type": "clearinghouseState", "user": user}),
            "openOrders": self._venue.answer({"type": "frontendOpenOrders", "user": user}),
            "meta": meta,
            "assetCtxs": contexts,
            "serverTime": self._venue.now(),
            "isVault": False,
            "user": user,
        }

    def _asset_data(self, user: str, coin: str) -> Json:
        state = self._venue.answer({"type": "clearinghouseState", "user": user})
        held = next((p["position"] for p in state["assetPositions"] if p["position"]["coin"] == coin), None)
        leverage = held["leverage"] if held else {"type": "cross", "value": 3}
        mark = self._venue.context(coin)[1]["ctx"]["markPx"]
        free = state["withdrawable"]
        return {
            "user": user,
            "coin": coin,
            "leverage": leverage,
            "maxTradeSzs": ["0.0", "0.0"],
            "availableToTrade": [free, free],
            "markPx": mark,
        }


def _without_type(delta: Json) -> Json:
    return {key: value for key, value in delta.items() if key != "type"}
