"""The websocket side of a Discord server: sessions, heartbeats, resuming, both compressions."""

import asyncio
import json
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import zstandard
from aiohttp import WSMsgType, web

from tests.support.changes import PATIENCE_SECONDS, Changes

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME = 0, 1, 2, 3, 4, 6
RECONNECT, MEMBERS, INVALID_SESSION, HELLO, ACKNOWLEDGED = 7, 8, 9, 10, 11
PRIVILEGED_INTENTS = 1 << 1 | 1 << 8 | 1 << 15
GUILDS_INTENT = 1 << 0
GUILD_MESSAGES_INTENT = 1 << 9
DIRECT_MESSAGES_INTENT = 1 << 12


class _Encoder(Protocol):
    def encode(self, text: str) -> bytes | str: ...


class _Plain:
    def encode(self, text: str) -> str:
        return text


class _Zlib:
    """One deflate stream per connection, flushed after each message."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def encode(self, text: str) -> bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class _Zstd:
    """One frame per connection that never ends, flushed after each message."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor().compressobj()

    def encode(self, text: str) -> bytes:
        block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return self._stream.compress(text.encode()) + self._stream.flush(block)


ENCODERS: dict[str, Callable[[], _Encoder]] = {
    "": _Plain,
    "zlib-stream": _Zlib,
    "zstd-stream": _Zstd,
}


@dataclass(slots=True)
class Connection:
    """One websocket; `compress` is what its client asked for."""

    socket: web.WebSocketResponse
    request: web.Request
    compress: str
    encoder: _Encoder
    session: "Session | None" = None
    closed_by_server: bool = False
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, payload: dict[str, Any]) -> None:
        """Send one payload in the connection's encoding; a dead connection loses it."""
        # Compressing and sending are one step: the stream's order is its meaning.
        async with self.sending:
            if self.socket.closed:
                return
            encoded = self.encoder.encode(json.dumps(payload))
            try:
                if isinstance(encoded, bytes):
                    await self.socket.send_bytes(encoded)
                else:
                    await self.socket.send_str(encoded)
            except ConnectionError:
                return


@dataclass(slots=True)
class Session:
    """What survives a lost connection: the events that a client may still have to see."""

    id: str
    intents: int
    events: list[dict[str, Any]] = field(default_factory=list)
    connection: Connection | None = None


class Gateway:
    """Keep the sessions of one bot and let a test disturb them."""

    def __init__(
        self,
        token: str,
        changes: Changes,
        ready: Callable[[], dict[str, Any]],
        guilds: Callable[[], list[dict[str, Any]]],
    ) -> None:
        self._token = token
        self._changes = changes
        self._ready = ready
        self._guilds = guilds
        self._sessions: dict[str, Session] = {}
        self.connections: list[Connection] = []
        self.identifies: list[dict[str, Any]] = []
        self.resumes: list[dict[str, Any]] = []
        self.heartbeats = 0
        self.heartbeat_interval_ms = 41_250
        self.acknowledges_heartbeats = True
        self.accepts_resumes = True
        self.granted_privileged_intents = 0
        self.url = ""

    # What a test does.

    async def wait_connected(self, seconds: float = PATIENCE_SECONDS) -> Session:
        """Wait for a client that has identified or resumed, and return its session."""
        session = await self._changes.until(self._live, seconds, lambda: "no gateway session")
        assert session is not None
        return session

    def _live(self) -> Session | None:
        for session in self._sessions.values():
            if session.connection is not None:
                return session
        return None

    async def ask_to_reconnect(self) -> None:
        """Send op 7 to the client."""
        await self._connection().send({"op": RECONNECT, "d": None})

    async def invalidate(self, *, resumable: bool) -> None:
        """Send op 9; a session that isn't resumable is gone."""
        connection = self._connection()
        if not resumable and connection.session is not None:
            self._sessions.pop(connection.session.id, None)
        await connection.send({"op": INVALID_SESSION, "d": resumable})

    async def close(self, code: int) -> None:
        """Close the client's connection with this code."""
        connection = self._connection()
        connection.closed_by_server = True
        await connection.socket.close(code=code)

    def drop(self) -> None:
        """Cut the client's connection without a close frame."""
        transport = self._connection().request.transport
        if transport is not None:
            transport.abort()

    def _connection(self) -> Connection:
        session = self._live()
        if session is None or session.connection is None:
            raise AssertionError("no client is connected to the gateway")
        return session.connection

    async def dispatch(self, event: str, data: dict[str, Any], intent: int = 0) -> None:
        """Send an event to every session that has the intent; a disconnected one keeps it."""
        for session in list(self._sessions.values()):
            if intent == 0 or session.intents & intent:
                await self._dispatch(session, event, data)

    async def _dispatch(self, session: Session, event: str, data: dict[str, Any]) -> None:
        payload = {"op": DISPATCH, "t": event, "s": len(session.events) + 1, "d": data}
        session.events.append(payload)
        if session.connection is not None:
            await session.connection.send(payload)

    # What a client does.

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Speak with one client until it goes."""
        socket = web.WebSocketResponse(compress=False, autoping=True)
        await socket.prepare(request)
        compress = request.query.get("compress", "")
        connection = Connection(socket, request, compress, ENCODERS.get(compress, _Plain)())
        self.connections.append(connection)
        if request.query.get("v", "10") != "10":
            await socket.close(code=4012)
            return socket
        try:
            hello = {"heartbeat_interval": self.heartbeat_interval_ms}
            await connection.send({"op": HELLO, "s": None, "t": None, "d": hello})
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                code = await self._receive(connection, message.data)
                if code:
                    await socket.close(code=code)
        finally:
            session = connection.session
            if session is not None and session.connection is connection:
                session.connection = None
            said_goodbye = socket.close_code in (1000, 1001) and not connection.closed_by_server
            if session is not None and said_goodbye:
                self._sessions.pop(session.id, None)  # Only a client ends a session like that.
            self._changes.announce()
        return socket

    async def _receive(self, connection: Connection, text: str | bytes) -> int:
        """Handle one payload; return a close code, or 0 to go on."""
        try:
            payload = json.loads(text)
            operation, data = payload["op"], payload.get("d")
        except (ValueError, KeyError, TypeError):
            return 4002
        if operation == HEARTBEAT:
            self.heartbeats += 1
            if self.acknowledges_heartbeats:
                await connection.send({"op": ACKNOWLEDGED})
            return 0
        if operation == IDENTIFY:
            return await self._identify(connection, data)
        if operation == RESUME:
            return await self._resume(connection, data)
        if connection.session is None:
            return 4003
        return 0 if operation in (PRESENCE, VOICE, MEMBERS) else 4001

    async def _identify(self, connection: Connection, data: dict[str, Any]) -> int:
        self.identifies.append(data)
        if connection.session is not None:
            return 4005
        if data.get("token", "").removeprefix("Bot ") != self._token:
            return 4004
        if data["intents"] & PRIVILEGED_INTENTS & ~self.granted_privileged_intents:
            return 4014
        session = Session(secrets.token_hex(16), data["intents"], connection=connection)
        connection.session = session
        self._sessions[session.id] = session
        ready = {**self._ready(), "session_id": session.id, "resume_gateway_url": f"{self.url}/resume/"}
        if "shard" in data:
            ready["shard"] = data["shard"]
        await self._dispatch(session, "READY", ready)
        if session.intents & GUILDS_INTENT:
            for guild in self._guilds():
                await self._dispatch(session, "GUILD_CREATE", guild)
        self._changes.announce()
        return 0

    async def _resume(self, connection: Connection, data: dict[str, Any]) -> int:
        self.resumes.append(data)
        if data.get("token", "").removeprefix("Bot ") != self._token:
            return 4004
        session = self._sessions.get(data.get("session_id", ""))
        if session is None or not self.accepts_resumes:
            await connection.send({"op": INVALID_SESSION, "d": False})
            return 0
        if data["seq"] > len(session.events):
            return 4007
        seen = data["seq"]
        while seen < len(session.events):  # More may come while these are sent.
            await connection.send(session.events[seen])
            seen += 1
        session.connection = connection
        connection.session = session
        await self._dispatch(session, "RESUMED", {"_trace": []})
        self._changes.announce()
        return 0
