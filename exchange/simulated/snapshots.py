"""What a subscriber is sent at once; changes when a channel's first message does."""

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

        def ask(request: str, **fields: Json) -> Json:
            return self._venue.answer({"type": request, "user": user, **fields})

        dex = echo.get("dex") or ""
        match kind:
            case "userFills":
                fills = ask("userFills", aggregateByTime=echo["aggregateByTime"])
                return [(kind, {"isSnapshot": True, "user": user, "fills": fills})]
            case "userFundings":
                rows = [{"time": r["time"], **_without_type(r["delta"])} for r in ask("userFunding")]
                return [(kind, {"isSnapshot": True, "user": user, "fundings": rows})]
            case "userNonFundingLedgerUpdates":
                return [(kind, {"isSnapshot": True, "user": user, "nonFundingLedgerUpdates": ask(kind)})]
            case "userTwapSliceFills":
                return [(kind, {"isSnapshot": True, "user": user, "twapSliceFills": ask(kind)})]
            case "userTwapHistory":
                return [(kind, {"isSnapshot": True, "user": user, "history": []})]
            case "clearinghouseState":
                return [(kind, {"dex": dex, "user": user, kind: ask(kind, dex=dex)})]
            case "allDexsClearinghouseState":
                return [(kind, {"user": user, "clearinghouseStates": self._all_states(user)})]
            case "spotState":
                return [(kind, {"user": user, "spotState": ask("spotClearinghouseState")})]
            case "openOrders":
                return [(kind, {"dex": dex, "user": user, "orders": ask("frontendOpenOrders", dex=dex)})]
            case "twapStates":
                return [(kind, {"dex": dex, "user": user, "states": []})]
            case "orderUpdates":
                return [(kind, [])]
            case "webData2" | "webData3":
                return [(kind, self._web_data(user))]
            case "activeAssetData":
                return [(kind, self._asset_data(user, subscription.coin))]
        return []

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
