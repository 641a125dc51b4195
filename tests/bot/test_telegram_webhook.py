"""Telegram delivers by webhook: only who knows the secret is heard, and nothing is handled twice."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from structlog.testing import capture_logs

from bot.telegram_updates import ALLOWED_UPDATES
from bot.telegram_webhook import LARGEST_BODY, WATCH_S, Hook
from core.errors import ChannelRefused, StorageError
from tests.support.telegram_listening import ANN, Desk, Seen, listening
from tests.support.telegram_script import Script, key, press
from tests.support.telegram_server import TelegramServer, api_fault

pytestmark = pytest.mark.asyncio

SECRET = "a-secret-of-sixteen-signs"
HEADER = "X-Telegram-Bot-Api-Secret-Token"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def delivered(
    server: TelegramServer, script: Script | None = None, seen: Seen | None = None, hook: Hook | None = None
) -> AsyncIterator[tuple[Desk, Hook]]:
    """Run a listener that Telegram delivers to; ready when its address is registered."""
    server.updates.webhook_retry_seconds = 0.01
    port = free_port()
    hook = hook or Hook(f"http://127.0.0.1:{port}/telegram", "127.0.0.1", port, SECRET)
    scripted = (script or Script()).commands()
    async with listening(server, scripted=scripted, seen=seen, hook=hook) as desk:
        registered = asyncio.create_task(server.wait_for(lambda: server.updates.webhook_url))
        await asyncio.wait([registered, desk.task], return_when=asyncio.FIRST_COMPLETED)
        registered.cancel()
        yield desk, hook


async def post(hook: Hook, body: bytes, secret: str | None = SECRET, method: str = "POST") -> int:
    headers = {} if secret is None else {HEADER: secret}
    address = f"http://{hook.host}:{hook.port}/telegram"
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, address, data=io.BytesIO(body), headers=headers) as answer,
    ):
        assert await answer.text() == "" or answer.status == 413
        return answer.status


async def test_commands_and_presses_arrive_and_nobody_polls(telegram_server: TelegramServer) -> None:
    async with delivered(telegram_server) as (_, hook):
        page = await telegram_server.ask(ANN, "/page")
        await press(telegram_server, page, "Next")
        assert page.text == "page 2"
        await telegram_server.wait_for(lambda: not telegram_server.updates.pending)
    [call] = telegram_server.calls_of("setWebhook")
    assert call.params["url"] == hook.url
    assert call.params["secret_token"] == SECRET
    assert call.params["allowed_updates"] == list(ALLOWED_UPDATES)
    assert telegram_server.token not in hook.url
    assert telegram_server.calls_of("getUpdates") == telegram_server.calls_of("deleteWebhook") == []


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper(), "é"])
async def test_who_does_not_know_the_secret_is_refused_unread(
    telegram_server: TelegramServer, secret: str | None
) -> None:
    script = Script()
    async with delivered(telegram_server, script) as (_, hook):
        await telegram_server.ask(ANN, "/page")
        forged = str(telegram_server.updates.all[0]).replace("'", '"').encode()
        assert await post(hook, forged, secret) == 403
        assert await post(hook, b"x" * (LARGEST_BODY + 1), secret) == 403
        assert await post(hook, b"", SECRET, "GET") == 403
    assert len(script.asked) == 1


async def test_body_too_large_or_unreadable_is_refused_and_the_next_is_heard(
    telegram_server: TelegramServer,
) -> None:
    async with delivered(telegram_server) as (_, hook):
        assert await post(hook, b"[" * (LARGEST_BODY + 1)) == 413
        for body in (b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000):
            assert await post(hook, body) == 400
        assert (await telegram_server.ask(ANN, "/page")).text == "page 1"


async def test_update_that_cannot_be_read_is_skipped(telegram_server: TelegramServer) -> None:
    async with delivered(telegram_server):
        with capture_logs() as logs:
            telegram_server.updates.put("message", {"text": "no id, no chat, no date"})
            assert (await telegram_server.ask(ANN, "/page")).text == "page 1"
    [line] = [one for one in logs if "skipped" in one["event"]]
    assert line["update"] == telegram_server.updates.all[0]["update_id"]


async def test_what_is_delivered_twice_is_handled_once_also_after_a_restart(
    telegram_server: TelegramServer,
) -> None:
    script, seen = Script(), Seen()
    async with delivered(telegram_server, script, seen):
        page = await telegram_server.ask(ANN, "/page")
        await press(telegram_server, page, "Set")
        telegram_server.updates.put_again(telegram_server.updates.all[0])
        telegram_server.updates.put_again(telegram_server.updates.all[1])
        await telegram_server.wait_for(lambda: not telegram_server.updates.pending)
    telegram_server.updates.put_again(telegram_server.updates.all[1])
    async with delivered(telegram_server, script, seen):
        await telegram_server.wait_for(lambda: not telegram_server.updates.pending)
        await telegram_server.ask(ANN, "/page 9")
    assert [name for name, _ in script.asked] == ["page", "set", "page"]


async def test_database_that_is_away_stops_no_delivery(telegram_server: TelegramServer) -> None:
    seen = Seen(failure=StorageError("the database is away"))
    async with delivered(telegram_server, seen=seen):
        assert (await telegram_server.ask(ANN, "/page")).text == "page 1"
        await telegram_server.wait_for(lambda: not telegram_server.updates.pending)


async def test_what_came_while_nobody_listened_is_delivered_later(telegram_server: TelegramServer) -> None:
    port = free_port()
    hook = Hook(f"http://127.0.0.1:{port}/telegram", "127.0.0.1", port, SECRET)
    async with delivered(telegram_server, hook=hook):
        await telegram_server.ask(ANN, "/page")
    await telegram_server.send_text(ANN, "/page 7")
    async with delivered(telegram_server, hook=hook):
        await telegram_server.wait_for_message(ANN, "page 7")


async def test_port_in_use_is_named_and_stops_this_chat_only(telegram_server: TelegramServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        hook = Hook("http://127.0.0.1/x", "127.0.0.1", taken.getsockname()[1], SECRET)
        async with delivered(telegram_server, hook=hook) as (desk, _):
            with pytest.raises(ChannelRefused, match="HYPERFADE_TELEGRAM_WEBHOOK_PORT"):
                await desk.task
    assert telegram_server.calls_of("setWebhook") == []


async def test_webhook_that_somebody_took_away_is_registered_again(telegram_server: TelegramServer) -> None:
    async with delivered(telegram_server) as (desk, hook):
        await telegram_server.ask(ANN, "/page")
        await desk.bot.delete_webhook()
        with capture_logs() as logs:
            desk.naps.woken.set()
            await telegram_server.wait_for(lambda: telegram_server.updates.webhook_url == hook.url)
        assert "another process took Telegram's webhook away" in str(logs)
        assert WATCH_S in desk.naps.asked
        assert (await telegram_server.ask(ANN, "/page 3")).text == "page 3"


async def test_delivery_that_fails_is_told_once(telegram_server: TelegramServer) -> None:
    port = free_port()
    hook = Hook("http://127.0.0.1:1/nobody-is-there", "127.0.0.1", port, SECRET)
    async with delivered(telegram_server, hook=hook) as (desk, _):
        telegram_server.updates.webhook_retry_seconds = 3600.0
        await telegram_server.send_text(ANN, "/page")
        await telegram_server.wait_for(lambda: "last_error_message" in telegram_server.updates.info())
        with capture_logs() as logs:
            for _ in range(2):
                looked = len(telegram_server.calls_of("getWebhookInfo"))
                desk.naps.woken.set()
                await telegram_server.wait_for(
                    lambda: len(telegram_server.calls_of("getWebhookInfo")) > looked  # noqa: B023
                )
                await desk.naps.napping.wait()
    [line] = [one for one in logs if one["event"] == "telegram couldn't deliver"]
    assert (line["error"], line["waiting"]) == ("Connection failed", 1)


async def test_token_revoked_while_delivering_stops_the_listener(telegram_server: TelegramServer) -> None:
    async with delivered(telegram_server) as (desk, _):
        telegram_server.fail(api_fault(401, "Unauthorized"), times=None)
        desk.naps.woken.set()
        with pytest.raises(ChannelRefused, match="HYPERFADE_TELEGRAM_TOKEN"):
            await asyncio.wait_for(desk.task, 10)


async def test_secret_is_in_no_text() -> None:
    assert SECRET not in repr(Hook("https://bot.example.org", "127.0.0.1", 8443, SECRET))


async def test_polling_takes_a_webhook_away(telegram_server: TelegramServer) -> None:
    async with delivered(telegram_server):
        page = await telegram_server.ask(ANN, "/page")
    async with listening(telegram_server, scripted=Script().commands()):
        await press(telegram_server, page, "Next")
    assert key(page, "Next") == "=page 3"
    assert telegram_server.updates.webhook_url == ""
