"""A webhook reaches the outside and nothing that only we can reach."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from core.errors import SettingsError
from notifiers.webhook_addresses import read_webhook, why_refused
from notifiers.webhook_client import AddressRefused, GuardedResolver, webhook_session
from tests.support.names import Turning
from tests.support.webhook_server import WebhookServer

REFUSED_ALWAYS = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2001::1",
    "2001:db8::1",
    "100::1",
]
PRIVATE = [
    "127.0.0.1",
    "127.8.9.1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "::1",
    "fd12::1",
]
PUBLIC = ["8.8.8.8", "172.32.0.1", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::5"]


@pytest.mark.parametrize("address", REFUSED_ALWAYS)
def test_what_is_nobodys_public_address_is_refused_whatever_is_allowed(address: str) -> None:
    assert why_refused(address, allow_private=False)
    assert why_refused(address, allow_private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_permission(address: str) -> None:
    assert "HYPERFADE_WEBHOOK_ALLOW_PRIVATE" in (why_refused(address, allow_private=False) or "")
    assert why_refused(address, allow_private=True) is None


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert why_refused(address, allow_private=False) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com/hook",
        "example.com/hook",
        "https:///hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:127.0.0.1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://2130706433/hook",
        "https://127.1/hook",
        "https://0177.0.0.1/hook",
        "https://10.0.0.1:8443/",
        "https://[fe80::1%25eth0]/",
        "http://localhost/hook",
    ],
)
def test_settings_with_such_addresses_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_webhook(url, allow_private=False)
    assert url not in str(caught.value)
    assert "hook" not in str(caught.value).replace("webhook", "")


def test_plain_http_is_for_this_machine_alone() -> None:
    for url in ("http://127.0.0.1:8000/hook", "http://localhost:8000/hook", "http://[::1]/hook"):
        assert read_webhook(url, allow_private=True).url.scheme == "http"
    for url in ("http://192.168.1.5/hook", "http://example.com/hook"):
        with pytest.raises(SettingsError, match="isn't encrypted"):
            read_webhook(url, allow_private=True)
    assert read_webhook("https://192.168.1.5/hook", allow_private=True)


@pytest.mark.parametrize(
    ("url", "is_discord"),
    [
        ("https://discord.com/api/webhooks/123/abc-DEF_1", True),
        ("https://discord.com/api/v10/webhooks/123/abc", True),
        ("https://canary.discord.com/api/webhooks/123/abc?thread_id=5", True),
        ("https://ptb.discord.com/api/webhooks/123/abc", True),
        ("https://discord.com/api/webhooks/123", False),
        ("https://discord.com/api/webhooks/123/abc/github", False),
        ("https://discord.com.example.com/api/webhooks/123/abc", False),
        ("https://notdiscord.com/api/webhooks/123/abc", False),
        ("https://example.com/api/webhooks/123/abc", False),
    ],
)
def test_discord_is_known_by_host_and_path(url: str, is_discord: bool) -> None:
    webhook = read_webhook(url, allow_private=False)
    assert webhook.is_discord is is_discord
    assert webhook.name.startswith("discord-") is is_discord


def test_the_name_stays_and_tells_nothing() -> None:
    url = "https://hooks.example.com/services/T0K3N-T0K3N"
    webhook = read_webhook(url, allow_private=False)
    assert webhook.name == read_webhook(f" {url}\n".strip(), allow_private=False).name
    assert "T0K3N" not in repr(webhook) + webhook.name
    assert len(webhook.name) == 10


# --- what is connected to --------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def session(
    resolver: AbstractResolver | None = None, *, allow_private: bool = False
) -> AsyncIterator[aiohttp.ClientSession]:
    async with webhook_session(allow_private=allow_private, resolver=resolver) as opened:
        yield opened


@pytest.mark.asyncio
async def test_a_name_that_leads_inside_is_never_connected_to(webhook_server: WebhookServer) -> None:
    port = webhook_server.url.rpartition(":")[2].partition("/")[0]
    for addresses in (["127.0.0.1"], ["127.0.0.1", "10.0.0.1"]):
        async with session(Turning(addresses)) as opened:
            with pytest.raises(aiohttp.ClientConnectorError) as caught:
                await opened.post(f"http://rebound.example:{port}")
            assert isinstance(caught.value.__cause__, AddressRefused)
    assert webhook_server.requests == []


@pytest.mark.asyncio
async def test_a_name_that_turns_inside_between_two_requests_is_found_out(
    webhook_server: WebhookServer,
) -> None:
    port = webhook_server.url.rpartition(":")[2].partition("/")[0]
    turning = Turning(["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"])
    async with session(turning, allow_private=True) as opened:
        async with opened.post(f"http://turning.example:{port}") as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await opened.post(f"http://turning.example:{port}")
        async with opened.post(f"http://turning.example:{port}") as answer:
            assert answer.status == 200
    assert turning.asked == ["turning.example"] * 3  # no request rests on an earlier answer
    assert [one.headers["host"] for one in webhook_server.requests] == [f"turning.example:{port}"] * 2


@pytest.mark.asyncio
async def test_of_a_names_addresses_only_the_allowed_are_used() -> None:
    guarded = GuardedResolver(Turning(["10.0.0.1", "8.8.8.8", "169.254.169.254"]), allow_private=False)
    assert [one["host"] for one in await guarded.resolve("mixed.example")] == ["8.8.8.8"]


@pytest.mark.asyncio
async def test_an_address_that_nobody_looked_up_is_checked_when_it_is_connected_to(
    webhook_server: WebhookServer,
) -> None:
    async with session() as opened:
        for url in (webhook_server.url, webhook_server.url.replace("127.0.0.1", "2130706433")):
            with pytest.raises((aiohttp.ClientConnectorError, aiohttp.InvalidURL, asyncio.TimeoutError)):
                await opened.post(url)
    assert webhook_server.requests == []


@pytest.mark.asyncio
async def test_proxies_of_the_environment_are_ignored(
    webhook_server: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, webhook_server.url)
    async with session(Turning(["203.0.113.1"])) as opened:
        with pytest.raises(aiohttp.ClientConnectorError):
            await opened.post("http://elsewhere.example/")
    assert webhook_server.requests == []
