"""Sends what happened to whoever subscribed; changes with a channel's content or cadence."""

from collections.abc import Iterable
from typing import Any

from exchange.simulated.faults import Faults
from exchange.simulated.snapshots import Snapshots
from exchange.simulated.sockets import Session, Sockets
from exchange.simulated.subscriptions import Subscription
from exchange.simulated.venue import Venue, WireTrade

Json = Any
# how often a channel is sent, ms: as recorded (l2Book 5.4 s) or, where unknown, often enough to be useful
CADENCE_MS = {
    "l2Book": 5_400,
    "l2Book fast": 500,
    "allMids": 1_000,
    "candle": 1_000,
    "activeAssetCtx": 1_500,
    "allDexsAssetCtxs": 3_000,
    "fastAssetCtxs": 500,
    "clearinghouseState": 2_000,
    "allDexsClearinghouseState": 2_000,
    "spotState": 5_000,
    "webData2": 5_000,
    "webData3": 5_000,
    "activeAssetData": 5_000,
}


class Broadcast:
    """Turns the passing of time into frames."""

    def __init__(self, venue: Venue, sockets: Sockets, faults: Faults) -> None:
        self._venue = venue
        self._sockets = sockets
        self._faults = faults
        self._snapshots = Snapshots(venue)
        self._sent: dict[str, int] = {}  # subscription or channel → last time
        self._best: dict[str, Json] = {}
        self._funded_hour = venue.now() // 3_600_000

    def step(self) -> None:
        """Let the venue advance and send everything that is due."""
        trades = self._venue.advance()
        wanted = self._wanted()
        if trades:
            self._send_trades(trades, wanted)
            self._send_fills(trades, wanted)
        if wanted:
            self._send_best(wanted)
            self._send_regular(wanted)
            self._send_funding(wanted)
        self._sockets.close_idle()

    def _wanted(self) -> dict[str, tuple[Subscription, list[Session]]]:
        wanted: dict[str, tuple[Subscription, list[Session]]] = {}
        for session in self._sockets.sessions:
            for text, subscription in session.subscriptions.items():
                wanted.setdefault(text, (subscription, []))[1].append(session)
        return wanted

    def _send_trades(
        self, trades: list[WireTrade], wanted: dict[str, tuple[Subscription, list[Session]]]
    ) -> None:
        """Send one frame per coin and block."""
        frames: dict[tuple[str, int], list[Json]] = {}
        for trade in trades:
            frames.setdefault((trade.coin, trade.trade["time"]), []).append(trade.trade)
        listeners: dict[str, list[Session]] = {}
        for subscription, sessions in wanted.values():
            if subscription.type == "trades":
                listeners.setdefault(subscription.coin, []).extend(sessions)
        for (coin, _), rows in frames.items():
            listening = listeners.get(coin, [])
            doubled = [s for s in listening if coin in s.doubled]
            for session in doubled:
                self._sockets.send(session, "trades", [session.doubled.pop(coin), *rows])
            for _ in range(2 if self._faults.repeat else 1):
                self._sockets.broadcast([s for s in listening if s not in doubled], "trades", rows)

    def _send_fills(
        self, trades: Iterable[WireTrade], wanted: dict[str, tuple[Subscription, list[Session]]]
    ) -> None:
        by_user: dict[str, list[tuple[Json, int]]] = {}
        for trade in trades:
            for user, fill, twap_id in trade.fills:
                by_user.setdefault(user, []).append((fill, twap_id))
        for subscription, sessions in wanted.values():
            rows = by_user.get(subscription.user)
            if not rows:
                continue
            plain = [fill for fill, twap_id in rows if not twap_id]
            slices = [{"fill": fill, "twapId": twap_id} for fill, twap_id in rows if twap_id]
            user, send = subscription.user, self._sockets.broadcast
            if subscription.type == "userFills" and plain:
                send(sessions, "userFills", {"user": user, "fills": plain})
            elif subscription.type == "userTwapSliceFills" and slices:
                send(sessions, "userTwapSliceFills", {"user": user, "twapSliceFills": slices})
            elif subscription.type == "userEvents":
                if plain:
                    send(sessions, "user", {"fills": plain})
                if slices:
                    send(sessions, "user", {"twapSliceFills": slices})

    def _send_best(self, wanted: dict[str, tuple[Subscription, list[Session]]]) -> None:
        """Send `bbo` where it changed."""
        for subscription, sessions in wanted.values():
            if subscription.type != "bbo":
                continue
            best = self._venue.best(subscription.coin)
            if self._best.get(subscription.coin) != best["bbo"]:
                self._best[subscription.coin] = best["bbo"]
                self._sockets.broadcast(sessions, "bbo", best)

    def _send_regular(self, wanted: dict[str, tuple[Subscription, list[Session]]]) -> None:
        now = self._venue.now()
        for text, (subscription, sessions) in wanted.items():
            kind = subscription.type
            name = "l2Book fast" if kind == "l2Book" and subscription.echo["fast"] else kind
            cadence = CADENCE_MS.get(name)
            if cadence is None:
                continue
            if now - self._sent.setdefault(text, now) < cadence:
                continue
            self._sent[text] = now
            if kind == "fastAssetCtxs":
                for session in sessions:
                    session.fast, packed = self._venue.fast_contexts(session.fast)
                    if packed is not None:
                        self._sockets.send(session, kind, packed)
                continue
            for channel, data in self._snapshots.of(subscription):
                self._sockets.broadcast(sessions, channel, data)

    def _send_funding(self, wanted: dict[str, tuple[Subscription, list[Session]]]) -> None:
        """Send the hour's funding once it has been stamped."""
        now = self._venue.now()
        hour = (now - 200) // 3_600_000
        if hour <= self._funded_hour:
            return
        self._funded_hour = hour
        for subscription, sessions in wanted.values():
            if subscription.type == "userFundings":
                rows = self._snapshots.fundings(subscription.user, hour * 3_600_000)
                frame = {"user": subscription.user, "fundings": rows}
                self._sockets.broadcast(sessions, "userFundings", frame)
