"""Spoil a server's answers on demand: wrong status, lost connection, silence."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Fault:
    """Say how one answer goes wrong.

    `accepted` requests are carried out first, so only the answer is lost: what a sender can't
    tell from a request that was never read.
    """

    kind: Literal["answer", "close", "reset", "stall"]
    accepted: bool = False
    status: int = 500
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(
    status: int,
    body: Mapping[str, Any] | str = "",
    headers: Mapping[str, str] | None = None,
    *,
    accepted: bool = False,
) -> Fault:
    """Answer with this status; a mapping is sent as JSON, a text as HTML."""
    as_json = not isinstance(body, str)
    return Fault(
        "answer",
        accepted,
        status,
        json.dumps(body).encode() if as_json else str(body).encode(),
        {"Content-Type": "application/json" if as_json else "text/html", **(headers or {})},
    )


def bad_gateway(status: int = 502, *, accepted: bool = False) -> Fault:
    """Answer as a proxy does before a server that's down: with an HTML page."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return answer(status, page, accepted=accepted)


def close(*, accepted: bool = False) -> Fault:
    """End the connection without an answer."""
    return Fault("close", accepted)


def reset(*, accepted: bool = False) -> Fault:
    """Break the connection with a TCP reset."""
    return Fault("reset", accepted)


def stall(*, accepted: bool = False) -> Fault:
    """Never answer, until the client gives up."""
    return Fault("stall", accepted)


@dataclass(slots=True)
class _Planned:
    fault: Fault
    target: Mapping[str, Hashable]
    times: int | None


class FaultPlan:
    """Keep what is to go wrong next, for which requests and how many times."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def add(self, fault: Fault, times: int | None = 1, **target: Hashable | Callable[[Any], bool]) -> None:
        """Spoil the next `times` requests that match every given target; None means all.

        A target may also be a function that tells whether a value matches.
        """
        wanted = {name: value for name, value in target.items() if value is not None}
        self._planned.append(_Planned(fault, wanted, times))

    def clear(self) -> None:
        """Forget all faults."""
        self._planned.clear()

    def take(self, **request: Hashable) -> Fault | None:
        """Return the oldest fault that applies to the request and count it."""
        for planned in self._planned:
            if all(_fits(request.get(name), value) for name, value in planned.target.items()):
                if planned.times is not None:
                    planned.times -= 1
                    if planned.times == 0:
                        self._planned.remove(planned)
                return planned.fault
        return None


async def spoil(request: web.Request, fault: Fault) -> web.Response:
    """Answer the request as the fault says; a stall ends when its connection does."""
    if fault.kind == "answer":
        return web.Response(status=fault.status, body=fault.body, headers=dict(fault.headers))
    if fault.kind == "stall":
        await asyncio.Event().wait()
    transport = request.transport
    if transport is not None:
        if fault.kind == "reset":
            connection = transport.get_extra_info("socket")
            # Lingering for zero seconds turns the close into a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


def _fits(value: Hashable, wanted: Hashable | Callable[[Any], bool]) -> bool:
    return wanted(value) if callable(wanted) else value == wanted
