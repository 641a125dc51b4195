"""Faults that can be switched on; changes when the real exchange fails in a new way."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class HttpFault(StrEnum):
    """How an HTTP request fails."""

    HTML_500 = "html_500"
    BAD_GATEWAY = "bad_gateway"  # 502, HTML of a CDN
    NULL_500 = "null_500"  # 500 with the body null, as seen on valid requests
    NULL = "null"  # 200 with the body null
    SLOW = "slow"  # answers after `slow_s`
    TRUNCATED = "truncated"  # the connection ends in the middle of the body
    TOO_MANY = "too_many"  # 429
    FORBIDDEN = "forbidden"  # 403 of the leaderboard's host


@dataclass(slots=True)
class Faults:
    """Switches read by REST and WebSocket. HTTP faults are used up one request at a time."""

    refuse: bool = False  # new WebSocket connections get 503
    stall: bool = False  # WebSockets stay open but nothing is sent, not even a pong
    repeat: bool = False  # every trades frame is sent twice
    slow_s: float = 2.0
    _queue: deque[tuple[HttpFault, str]] = field(default_factory=deque)
    _always: dict[str, HttpFault] = field(default_factory=dict)

    def fail_next(self, fault: HttpFault | str, times: int = 1, kind: str = "") -> None:
        """Let the next requests fail; `kind` limits it to one request type ("leaderboard" for that route)."""
        self._queue.extend([(HttpFault(fault), kind)] * times)

    def fail_always(self, fault: HttpFault | str | None, kind: str = "") -> None:
        """Let all requests (of one type) fail until switched off with None."""
        if fault is None:
            self._always.pop(kind, None)
        else:
            self._always[kind] = HttpFault(fault)

    def next_http(self, kind: str) -> HttpFault | None:
        """Return the fault for a request of this type, if any, and use it up."""
        for i, (fault, only) in enumerate(self._queue):
            if only in ("", kind):
                del self._queue[i]
                return fault
        return self._always.get(kind) or self._always.get("")
