"""Which addresses a webhook may have: https to the outside, and what the operator allows beside it.

A webhook is a request that others name and we make: without this it would reach what only we can
reach (a database, a cloud's metadata service). Names are looked up by us and only what was checked
is connected to, so that a name can't change between check and connection.
"""

import hashlib
import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from yarl import URL

from core.errors import SettingsError
from core.services.delivery_policy import DISCORD_WEBHOOK

Network = IPv4Network | IPv6Network

PRIVATE: tuple[Network, ...] = tuple(
    ip_network(one)
    for one in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
"""What ``HYPERFADE_WEBHOOK_ALLOW_PRIVATE`` opens; link-local and all below stay shut."""

DISGUISED: tuple[Network, ...] = tuple(
    ip_network(one)
    for one in ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
"""IPv6 forms that carry an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo)."""

DISCORD_HOSTS = ("discord.com", "canary.discord.com", "ptb.discord.com")
_DISCORD_PATH = re.compile(r"/api(?:/v\d+)?/webhooks/\d+/[\w-]+/?")
NAME_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Webhook:
    """One receiver; its address is a secret and stays in here."""

    url: URL = field(repr=False)
    name: str
    """What it is called in the database and in logs; made from the address, which it doesn't tell."""
    is_discord: bool = False


def read_webhook(text: str, *, allow_private: bool) -> Webhook:
    """Check an address from the settings; raises SettingsError, which doesn't repeat it."""
    try:
        url = URL(text)
    except ValueError:
        raise SettingsError(f"{_called(text)} is no web address: expected https://host/path") from None
    host = url.host
    if host is None or url.scheme not in ("https", "http"):
        raise SettingsError(f"{_called(text)} is no web address: expected https://host/path")
    if url.scheme == "http" and not (allow_private and _is_loopback(host)):
        raise SettingsError(
            f"{_called(text)} isn't encrypted: use https (http only on this machine itself, with "
            "HYPERFADE_WEBHOOK_ALLOW_PRIVATE=true)"
        )
    if _looks_numeric(host) and (why := why_refused(host, allow_private=allow_private)):
        raise SettingsError(f"{_called(text)} is refused: {why}")
    is_discord = host in DISCORD_HOSTS and _DISCORD_PATH.fullmatch(url.path) is not None
    return Webhook(url, (DISCORD_WEBHOOK if is_discord else "") + name_of(text), is_discord)


def name_of(secret: str) -> str:
    """Return a short name for a secret address, the same at every start."""
    return hashlib.sha256(secret.strip().encode()).hexdigest()[:NAME_DIGITS]


def why_refused(address: str, *, allow_private: bool) -> str | None:
    """Say why an IP address is not connected to, or return None."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "its address isn't written as an IP address usually is"
    if any(ip in network for network in PRIVATE):
        if allow_private:
            return None
        return "its address is private; HYPERFADE_WEBHOOK_ALLOW_PRIVATE=true allows that"
    return None if _is_public(ip) else "its address isn't a public one"


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if any(ip in network for network in DISGUISED):
        return False
    is_special = ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local
    is_site_local = isinstance(ip, IPv6Address) and ip.is_site_local
    return ip.is_global and not is_special and not is_site_local


def _looks_numeric(host: str) -> bool:
    # aiohttp takes these for addresses and doesn't look them up: 2130706433 would be 127.0.0.1
    return ":" in host or host.replace(".", "").isdigit()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _called(text: str) -> str:
    return f"webhook {name_of(text)}"
