"""WebSocket connections: handshake, subscriptions, pings, limits, errors; changes with the protocol."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from exchange.simulated.config import SimulationConfig
from exchange.simulated.faults import Faults
from exchange.simulated.snapshots import Snapshots
from exchange.simulated.subscriptions import Invalid, Subscription, UnknownCoin, Unreadable, parse
from exchange.simulated.venue import Venue

Json = Any
GREETING = "Websocket connection established."
_QUEUE = 20_000  # frames; who is further behind is cut off
_MESSAGES_PER_MINUTE = 2000


class Session:
    """The server's end of one connection."""

    def __init__(self, client: str, venue: Venue) -> None:
        self.client = client
        self.subscriptions: dict[str, Subscription] = {}
        self.fast: dict[str, Json] = {}  # what fastAssetCtxs has sent so far
        self.doubled: dict[str, Json] = {}  # coin → last replayed trade, to be sent again
        self.last_sent_ms = venue.now()
        self.outgoing: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUE)
        self.socket: web.WebSocketResponse | None = None
        self.transport: asyncio.Transport | None = None
        self._received: list[int] = []

    @property
    def users(self) -> set[str]:
        """Return the users of its user-specific subscriptions."""
        return {s.user for s in self.subscriptions.values() if s.user}

    def too_many_messages(self, now: int) -> bool:
        """Count one incoming message; say whether more than 2000 came within a minute."""
        self._received = (
            [t for t in self._received if t > now - 60_000] if len(self._received) > 1900 else self._received
        )
        self._received.append(now)
        return len(self._received) > _MESSAGES_PER_MINUTE

    def drop(self) -> None:
        """End the connection without a close frame."""
        if self.transport is not None:
            self.transport.abort()


class Sockets:
    """Every open connection."""

    def __init__(
        self, venue: Venue, config: SimulationConfig, faults: Faults,
        ask: Callable[[str, dict[str, Json]], tuple[int, Json]],
    ) -> None:  # fmt: skip
        self._venue = venue
        self._config = config
        self._faults = faults
        self._ask = ask
        self._snapshots = Snapshots(venue)
        self._served = 0
        self.sessions: list[Session] = []
        self.before_answer: Callable[[], None] = lambda: None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection until it ends."""
        client = request.remote or ""
        if self._faults.refuse:
            return web.Response(status=503, text="")
        if sum(s.client == client for s in self.sessions) >= self._config.max_connections:
            return web.Response(status=429, text="")
        socket = web.WebSocketResponse(compress=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        session = Session(client, self._venue)
        session.socket, session.transport = socket, request.transport
        self.sessions.append(session)
        writer = asyncio.create_task(self._write(session, socket))
        try:
            if self._config.greeting:
                self._put(session, GREETING.encode())
            async for message in socket:
                if message.type is not WSMsgType.TEXT or not self._receive(session, message.data):
                    break
        finally:
            self.sessions.remove(session)
            writer.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await writer
        return socket

    async def close_all(self, code: int = 1000, reason: str = "Expired") -> None:
        """Close every connection with a close frame."""
        for session in list(self.sessions):
            if session.socket is not None:
                await session.socket.close(code=code, message=reason.encode())

    def drop_all(self) -> None:
        """End every connection without a close frame (the peer sees 1006)."""
        for session in list(self.sessions):
            session.drop()

    async def _write(self, session: Session, socket: web.WebSocketResponse) -> None:
        while (frame := await session.outgoing.get()) is not None:
            try:
                await socket.send_frame(frame, WSMsgType.TEXT)
            except ConnectionError:
                return

    def _put(self, session: Session, frame: bytes) -> None:
        if self._faults.stall:
            return
        session.last_sent_ms = self._venue.now()
        try:
            session.outgoing.put_nowait(frame)
        except asyncio.QueueFull:
            session.drop()

    def send(self, session: Session, channel: str, data: Json) -> None:
        """Queue one frame."""
        self._put(session, msgspec.json.encode({"channel": channel, "data": data}))

    def broadcast(self, sessions: Iterable[Session], channel: str, data: Json) -> None:
        """Queue the same frame for several connections, encoded once."""
        frame = msgspec.json.encode({"channel": channel, "data": data})
        for session in sessions:
            self._put(session, frame)

    def close_idle(self) -> None:
        """End the connections to which nothing was sent for too long."""
        limit = self._venue.now() - self._config.idle_close_s * 1000
        for session in list(self.sessions):
            if session.last_sent_ms < limit:
                session.drop()

    # incoming --------------------------------------------------------------------------------------------

    def _receive(self, session: Session, text: str) -> bool:
        """Handle one message; False ends the connection."""
        if session.too_many_messages(self._venue.now()):
            return False
        self.before_answer()
        try:
            message = msgspec.json.decode(text)
        except msgspec.DecodeError:
            message = None
        method = message.get("method") if isinstance(message, dict) else None
        if method == "ping":
            self._put(session, b'{"channel":"pong"}')
            return True
        if method == "post":
            self._post(session, message)
            return True
        if method not in ("subscribe", "unsubscribe"):
            self._error(session, f"Error parsing JSON into valid websocket request: {text}")
            return True
        try:
            subscription = parse(message.get("subscription"), self._venue.coins())
        except Unreadable:
            self._error(session, f"Error parsing JSON into valid websocket request: {text}")
        except Invalid:
            shown = msgspec.json.encode(message["subscription"]).decode()
            self._error(session, f"Invalid subscription {shown}")
        except UnknownCoin:
            session.drop()
            return False
        else:
            if method == "subscribe":
                self._subscribe(session, subscription)
            else:
                self._unsubscribe(session, subscription)
        return True

    def _error(self, session: Session, text: str) -> None:
        self.send(session, "error", text)

    def _acknowledge(self, session: Session, method: str, subscription: Subscription) -> None:
        data = {"method": method, "subscription": subscription.echo}
        self.send(session, "subscriptionResponse", data)

    def _subscribe(self, session: Session, subscription: Subscription) -> None:
        if subscription.text in session.subscriptions:
            self._error(session, f"Already subscribed: {subscription.text}")
            return
        mine = [s for s in self.sessions if s.client == session.client]
        if sum(len(s.subscriptions) for s in mine) >= self._config.max_subscriptions:
            self._error(session, f"Cannot subscribe to more than {self._config.max_subscriptions} channels.")
            return
        users = set[str]().union(*(s.users for s in mine))
        if subscription.user and len(users | {subscription.user}) > self._config.max_users:
            self._error(session, f"Cannot track more than {self._config.max_users} total users.")
            return
        session.subscriptions[subscription.text] = subscription
        self._acknowledge(session, "subscribe", subscription)
        self._served += 1
        if subscription.type == "trades":
            replay = self._venue.recent(subscription.coin)
            if replay:
                self.send(session, "trades", replay)
                if self._served % 10 == 0:  # seen in one of ten recorded subscriptions
                    session.doubled[subscription.coin] = replay[-1]
            return
        if subscription.type == "fastAssetCtxs":
            session.fast, packed = self._venue.fast_contexts({})
            self.send(session, "fastAssetCtxs", packed)
            return
        for channel, data in self._snapshots.of(subscription):
            self.send(session, channel, data)

    def _unsubscribe(self, session: Session, subscription: Subscription) -> None:
        if session.subscriptions.pop(subscription.text, None) is None:
            self._error(session, f"Already unsubscribed: {subscription.text}")
            return
        self._acknowledge(session, "unsubscribe", subscription)

    def _post(self, session: Session, message: dict[str, Json]) -> None:
        number, request = message.get("id"), message.get("request")
        readable = isinstance(number, int) and isinstance(request, dict) and request.get("type") == "info"
        payload = request.get("payload") if isinstance(request, dict) and readable else None
        if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
            shown = msgspec.json.encode(message).decode()
            self._error(session, f"Error parsing JSON into valid websocket request: {shown}")
            return
        status, answer = self._ask(session.client, payload)
        if status == 200:
            response: Json = {"type": "info", "payload": {"type": payload["type"], "data": answer}}
        else:
            response = {"type": "error", "payload": f"{status} {answer or 'Too many requests'}"}
        self.send(session, "post", {"id": number, "response": response})
