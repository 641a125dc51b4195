"""The HTTP client of webhooks: connects only to addresses that were checked, and trusts no one."""

import asyncio
import socket
import ssl
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from notifiers.webhook_addresses import why_refused

TOTAL_S = 5.0
CONNECT_S = 4.0
"""Shorter, so that what was surely not sent is told apart from what may have been."""

USER_AGENT = "hyperfade/0.1"


class AddressRefused(OSError):
    """A name leads to an address that webhooks may not reach."""


class GuardedResolver(AbstractResolver):
    """Look names up and leave out what may not be reached."""

    def __init__(self, inner: AbstractResolver, *, allow_private: bool) -> None:
        self._inner = inner
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name that may be reached; raises AddressRefused when there are none."""
        found = await self._inner.resolve(host, port, family)
        refused = {one["host"]: why_refused(one["host"], allow_private=self._allow_private) for one in found}
        allowed = [one for one in found if refused[one["host"]] is None]
        if not allowed:
            raise AddressRefused(next((why for why in refused.values() if why), "its name has no address"))
        return allowed

    async def close(self) -> None:
        """Close what looks names up."""
        await self._inner.close()


def webhook_session(
    *, allow_private: bool, resolver: AbstractResolver | None = None, tls: ssl.SSLContext | None = None
) -> aiohttp.ClientSession:
    """Return a session that the caller closes.

    Every request makes a connection of its own, so its address is checked each time and a request
    never dies with a connection that had been idle. No proxies, cookies, redirects or decompression.
    """

    def checked_socket(found: Any) -> socket.socket:
        """Make the socket for one address: the last check, whatever way the address came."""
        family, kind, protocol, _, address = found
        if why := why_refused(address[0], allow_private=allow_private):
            raise AddressRefused(why)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(resolver or aiohttp.ThreadedResolver(), allow_private=allow_private),
        socket_factory=checked_socket,
        use_dns_cache=False,
        force_close=True,
        ssl=tls or True,
    )
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=TOTAL_S, connect=CONNECT_S),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        raise_for_status=False,
    )


BEFORE_SENDING = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Failures before the first byte of the request: surely not sent."""

FAILURES = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""All that a request can end in."""
