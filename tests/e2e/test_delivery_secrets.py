"""At DEBUG, with every platform failing in every way, no secret is in logs, errors or the database."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
import pytest_asyncio
import structlog
from yarl import URL

from core.errors import DeliveryError
from core.model.alerts import Alert, AlertKind, Channel, Delivered, Target
from core.model.chats import Subscription
from core.ports import Notifier
from core.services.dispatching import DispatchService
from hyperfade.clock import WallClock
from hyperfade.logs import NOISY, SILENT, set_up_logs
from hyperfade.secret_parts import address_secrets
from notifiers.apprise import AppriseNotifier, read_service
from notifiers.discord import DiscordNotifier
from notifiers.pacing import Limit, Limits, Pacer
from notifiers.telegram import TelegramNotifier
from notifiers.webhook import WebhookNotifier
from notifiers.webhook_addresses import Webhook
from notifiers.webhook_client import webhook_session
from storage.database import Database
from storage.outbox import Outbox
from storage.publications import Publications
from storage.waker import Waker
from tests.support import faults
from tests.support.chat_clients import discord_client, telegram_bot
from tests.support.chat_facts import NOW_MS, make_alert
from tests.support.discord_server import DiscordServer
from tests.support.faults import Fault
from tests.support.published import EVIDENCE, add_member, nth_decision, publication, silence_console
from tests.support.telegram_server import TelegramServer
from tests.support.wall_clock import now_seconds
from tests.support.webhook_server import WebhookServer

SIGNING = "S1GN1NG-secret-of-the-operator"
HOOK = "H00K-path-and-all"
DISCORD_HOOK = "D1SC0RD-webhook-token"
SERVICE = "S3RV1CE-path-of-apprise"
ANY = Limit(10_000, 0.001)


def refusal(status: int, words: str, code: int) -> Fault:
    """Return an error that both platforms' clients read as their own."""
    telegram = {"ok": False, "error_code": status, "description": words}
    return faults.answer(status, {**telegram, "message": words, "code": code})


WAYS: dict[str, Fault | None] = {
    "400": refusal(400, "Bad Request", 50035),
    "401": refusal(401, "Unauthorized", 0),
    "403": refusal(403, "Forbidden", 50001),
    "404": refusal(404, "Not Found", 10003),
    "429": faults.answer(429, "error code: 1015", {"Retry-After": "1"}),
    "503 with a page": faults.bad_gateway(503),
    "closed": faults.close(),
    "reset": faults.reset(),
    "refused": None,
}  # fmt: skip


class World:
    """Five destinations on four servers, and all that is secret about them."""

    def __init__(
        self, database: Database, telegram: TelegramServer, discord: DiscordServer, hooks: WebhookServer
    ) -> None:
        self.database, self.telegram, self.discord, self.hooks = database, telegram, discord, hooks
        origin = URL(hooks.url).origin()
        self.hook_url, self.discord_hook_url = (
            f"{origin}/in/{HOOK}",
            f"{origin}/api/webhooks/77/{DISCORD_HOOK}",
        )
        self.service_url = f"json://127.0.0.1:{origin.port}/{SERVICE}"
        addresses = (self.hook_url, self.discord_hook_url, self.service_url)
        self.secrets = [telegram.token, discord.token, SIGNING]
        for one in addresses:
            self.secrets += address_secrets(one)
        self.sought = [
            telegram.token, telegram.token.partition(":")[2], discord.token,
            SIGNING, HOOK, DISCORD_HOOK, SERVICE, *addresses,
        ]  # fmt: skip
        self.notifiers: list[Notifier] = []
        self.targets: list[Target] = []

    def spoil(self, fault: Fault) -> None:
        self.telegram.fail(fault, times=None)
        self.discord.fail(fault, times=None)
        self.hooks.fail(fault, times=None)

    def leaks(self, text: str) -> list[str]:
        return [one for one in self.sought if one in text]


@pytest_asyncio.fixture
async def world(
    database: Database,
    telegram_server: TelegramServer,
    discord_server: DiscordServer,
    webhook_server: WebhookServer,
) -> AsyncIterator[World]:
    made = World(database, telegram_server, discord_server, webhook_server)
    await silence_console(database)
    person = telegram_server.add_user(50_001).id
    service = read_service(made.service_url)
    async with (
        telegram_bot(telegram_server) as bot,
        discord_client(discord_server) as client,
        webhook_session(allow_private=True) as session,
    ):
        hooks = [
            Webhook(URL(made.hook_url), "0a1b2c3d4e"),
            Webhook(URL(made.discord_hook_url), "discord-0a1b2c3d4e", True),
        ]
        apprise = AppriseNotifier([service])
        made.notifiers = [
            TelegramNotifier(bot),
            DiscordNotifier(client),
            WebhookNotifier(session, hooks, SIGNING),
            apprise,
        ]
        made.targets = [
            Target(Channel.TELEGRAM, str(person)),
            Target(Channel.DISCORD, str(discord_server.channel_id)),
            *(Target(Channel.WEBHOOK, one.name) for one in hooks),
            Target(Channel.APPRISE, service.name),
        ]
        for target in made.targets:
            await add_member(database, target, Subscription(None))
        yield made
        apprise.close()


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in (*NOISY, *SILENT)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


async def dispatch_once(world: World, number: int, notifiers: list[Notifier]) -> None:
    """Publish one opportunity and let every destination's alert be tried."""
    now_ms = round(now_seconds() * 1000)
    async with world.database.connection() as connection:
        await connection.execute("delete from outbox; delete from target_holds")
        await connection.execute("update alerts set state = 'dead' where state = 'pending'")
        await connection.execute("update chats set disabled_reason = null where channel <> 'console'")
    decision = nth_decision(number, published_ms=now_ms, event_ms=now_ms, expires_ms=now_ms + 86_400_000)
    await Publications(world.database).publish(publication(decision, now_ms=now_ms), EVIDENCE)
    limits = Limits(ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY)
    async with Waker(world.database) as waker:
        service = DispatchService(
            Outbox(world.database),
            {one.channel: one for one in notifiers},
            Pacer(asyncio.get_running_loop().time, limits),
            waker,
            WallClock(),
            asyncio.sleep,
            Random(7),
            "me",
        )
        task = asyncio.create_task(service.run())
        try:
            async with asyncio.timeout(60):
                while await untried(world.database, number) > 0:  # noqa: ASYNC110  the database tells
                    await asyncio.sleep(0.02)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def untried(database: Database, number: int) -> int:
    async with database.connection() as connection:
        found: int = await connection.fetchval(
            "select count(*) from alerts where opportunity_id like '%' || $1 and last_error is null",
            f"{number:015d}",
        )
    return found


async def everything_stored(database: Database) -> str:
    """Return all rows of all tables as text."""
    async with database.connection() as connection:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
        rows = [
            str(row[0])
            for table in tables
            for row in await connection.fetch(f'select t::text from "{table["tablename"]}" t')
        ]
    return "\n".join(rows)


class Stumbling:
    """A notifier with a bug whose error tells everything."""

    def __init__(self, channel: Channel, secrets: list[str]) -> None:
        self.channel = channel
        self._secrets = secrets

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        try:
            raise ValueError(" ".join(self._secrets))
        except ValueError as error:
            raise RuntimeError(f"POST {self._secrets[-1]} failed") from error


@pytest.mark.asyncio
@pytest.mark.timeout(300)
@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_no_secret_is_told_whatever_fails(
    world: World, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    set_up_logs("debug", log_format, world.secrets)
    log = structlog.get_logger("test")
    told: list[str] = []
    for number, (way, fault) in enumerate(WAYS.items(), start=1):
        if fault is None:
            for server in (world.telegram, world.discord, world.hooks):
                await server.close()
        else:
            world.spoil(fault)
        await dispatch_once(world, number, world.notifiers)
        by_channel = {one.channel: one for one in world.notifiers}
        for target in world.targets:
            alert: Any = make_alert(AlertKind.ENTRY, target.channel, target=target)
            with pytest.raises(DeliveryError) as caught:
                await by_channel[target.channel].send(alert, NOW_MS)
            told += [str(caught.value), repr(caught.value)]
            log.error("it failed", way=way, exc_info=caught.value)
            logging.getLogger("a.library").error("it failed", exc_info=caught.value)
            bare = "".join(traceback.format_exception(caught.value))
            told.append(bare if target.channel in (Channel.WEBHOOK, Channel.APPRISE) else "")
        world.telegram.heal()
        world.discord.heal()
    stumbling: list[Notifier] = [Stumbling(one.channel, world.sought) for one in world.notifiers]
    await dispatch_once(world, len(WAYS) + 1, stumbling)
    logs = capsys.readouterr().err
    stored = await everything_stored(world.database)
    assert "a bug in the program" in logs
    assert "[hidden]" in logs
    assert "RuntimeError" in stored
    assert world.leaks(logs) == []
    assert world.leaks("\n".join(told)) == []
    assert world.leaks(stored) == []
