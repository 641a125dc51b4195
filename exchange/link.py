"""One WebSocket connection kept up: connect, talk until it breaks, wait, again; and say what was missed."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.uri import parse_uri

from core.errors import PayloadError
from core.model.market import Coin
from core.ports import Sleep
from core.trouble import Trouble
from exchange.inbox import Inbox
from exchange.limits import WeightBudget
from exchange.session import FeedTiming, Session
from exchange.tape import Tape
from exchange.wire import frames
from exchange.wire.frames import Subscription

log = structlog.get_logger(__name__)

MAX_FRAME_BYTES = 8 << 20
FRAMES_AHEAD = 1024
"""Frames the library may hold for us before it stops reading."""

CLOSE_S = 1.0

SUSPICIONS = 3
"""A coin that so often stood first in line when a connection broke off isn't asked for again."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all connections of one feed share."""

    url: str
    inbox: Inbox
    tape: Tape
    connects: WeightBudget
    """One of weight 1 for each new connection."""
    trouble: Trouble
    suspicions: dict[Subscription, int]
    timing: FeedTiming
    rng: random.Random
    now_ms: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Sleep


class _Stale(Exception):
    """The connection is up and says nothing any more."""


class Link:
    """One connection, over all its reconnections."""

    def __init__(self, shared: Surroundings) -> None:
        self._shared = shared
        self._is_local = _is_loopback(shared.url)
        self._changed = asyncio.Event()
        self._heard_ms = 0
        self._data_ms = 0
        self._deaf_since_ms: int | None = None
        self.wanted: list[Subscription] = []
        self.session: Session | None = None
        self.frames = 0
        self.bad_frames = 0

    def want(self, subscriptions: list[Subscription]) -> None:
        """Have exactly these subscriptions from now on."""
        self.wanted = subscriptions
        self._changed.set()

    @property
    def coins(self) -> tuple[Coin, ...]:
        """Return the coins whose trades are wanted here."""
        return tuple(Coin(s.coin) for s in self.wanted if s.type == "trades")

    def leave(self) -> None:
        """Count no longer: nothing is wanted of this connection."""
        self._shared.trouble.passed(self)

    async def keep(self) -> None:
        """Keep the connection up until cancelled."""
        timing, failures = self._shared.timing, 0
        while True:
            await self._shared.connects.take(1)
            reason = await self._converse()
            lasted_s = self._broke(reason)
            failures = 0 if lasted_s >= timing.steady_s else failures + 1
            ceiling_s = min(timing.backoff_cap_s, timing.backoff_base_s * 2.0 ** min(failures, 16))
            await self._shared.sleep(self._shared.rng.uniform(0.0, ceiling_s))

    async def _converse(self) -> str:
        """Hold one connection until it breaks; return why."""
        self.session = None
        reason = ""
        try:
            async with connect(
                self._shared.url,
                open_timeout=self._shared.timing.open_s,
                close_timeout=CLOSE_S,
                ping_interval=None,  # the exchange is known to heed its own JSON ping only
                compression=None if self._is_local else "deflate",
                proxy=None if self._is_local else True,
                max_size=MAX_FRAME_BYTES,
                max_queue=FRAMES_AHEAD,
            ) as socket:
                session = self.session = Session(self._shared.timing, self._shared.monotonic())
                async with asyncio.TaskGroup() as talk:
                    talk.create_task(self._listen(session, socket))
                    talk.create_task(self._speak(session, socket))
        except* (OSError, WebSocketException, TimeoutError, _Stale) as group:
            reason = "; ".join(f"{type(e).__name__}: {e}" for e in _leaves(group))
        return reason

    async def _listen(self, session: Session, socket: ClientConnection) -> None:
        shared = self._shared
        while True:
            raw = await socket.recv(decode=False)
            self.frames += 1
            session.heard_at = shared.monotonic()
            self._heard_ms = shared.now_ms()
            try:
                if raw.startswith(frames.TRADES_START):
                    shared.tape.take(raw, session.since_ms, self._heard_ms)
                elif not self._take_other(session, raw):
                    continue
            except PayloadError as error:
                self._cannot_read(error)
            session.had_data(session.heard_at)
            if session.data_frames == 1:
                self._hears_again(session)
            self._data_ms = self._heard_ms

    async def _speak(self, session: Session, socket: ClientConnection) -> None:
        shared = self._shared
        while True:
            self._changed.clear()
            session.want(s for s in self.wanted if shared.suspicions.get(s, 0) < SUSPICIONS)
            for message in session.due(shared.monotonic(), shared.now_ms()):
                async with asyncio.timeout(shared.timing.ack_s):
                    await socket.send(message, text=True)
            self._hears_again(session)
            now = shared.monotonic()
            if (reason := session.staleness(now)) is not None:
                raise _Stale(reason)
            with suppress(TimeoutError):
                async with asyncio.timeout(session.next_due(now) - now):
                    await self._changed.wait()

    def _take_other(self, session: Session, raw: bytes) -> bool:
        """Take a frame that isn't plainly one of trades; return whether it was data."""
        if session.data_frames == 0 and not raw.startswith(b"{"):
            return False  # the plain-text greeting
        frame = frames.frame.decode(raw)
        data = bytes(frame.data)
        match frame.channel:
            case "fastAssetCtxs":
                self._shared.inbox.put_mids(frames.mids_of(data), self._heard_ms)
            case "bbo":
                self._shared.inbox.put_quote(frames.quote_of(frames.bbo.decode(data)), self._heard_ms)
            case "trades":  # in another spelling
                self._shared.tape.take(raw, session.since_ms, self._heard_ms)
            case "subscriptionResponse":
                session.acked(frames.ack.decode(data))
                self._hears_again(session)
                return False
            case "error":
                text = frames.text.decode(data)
                if session.errored(text, session.heard_at):
                    log.warning("exchange refused a feed request", error=text[:200])
                self._changed.set()
                return False
            case _:
                return False
        return True

    def _cannot_read(self, error: PayloadError) -> None:
        """Report a gap: a frame we can't read is a moment we were deaf."""
        self.bad_frames += 1
        if self.bad_frames & (self.bad_frames - 1) == 0:  # the 1st, 2nd, 4th, 8th …
            log.warning("feed frame unreadable", error=str(error), count=self.bad_frames)
        if self.coins:
            self._shared.inbox.put_gap(self._data_ms or self._heard_ms, self._heard_ms, self.coins)

    def _broke(self, reason: str) -> float:
        """Take note of a broken connection; return how many seconds it lasted."""
        session = self.session
        self._shared.trouble.met(self, reason)
        log.debug("feed connection broke", reason=reason, subscriptions=len(self.wanted))
        if session is None:
            return 0.0
        suspicions = self._shared.suspicions
        if (suspect := session.suspect()) is not None:
            suspicions[suspect] = suspicions.get(suspect, 0) + 1
            if suspicions[suspect] == SUSPICIONS:
                log.warning("subscription breaks connections and is left out", subscription=suspect)
        now = self._shared.monotonic()
        if self._deaf_since_ms is None and self._data_ms:
            self._deaf_since_ms = self._heard_ms if session.staleness(now) is None else self._data_ms
        return now - session.opened_at

    def _hears_again(self, session: Session) -> None:
        """Report the gap once all that the broken connection had is subscribed again."""
        if session.is_settled and session.data_frames:  # answers alone are no feed
            self._shared.trouble.passed(self)
        if self._deaf_since_ms is None or not session.is_settled:
            return
        from_ms, self._deaf_since_ms = self._deaf_since_ms, None
        if self.coins:
            self._shared.inbox.put_gap(from_ms, self._shared.now_ms(), self.coins)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


def _is_loopback(url: str) -> bool:
    host = parse_uri(url).host
    return host in ("localhost", "::1") or host.startswith("127.")
