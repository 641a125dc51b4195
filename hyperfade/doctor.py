"""Checks of settings, folders, database, exchange, tokens: what was found, and what to do."""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.counting import counted
from core.errors import ExchangeError, HyperfadeError
from exchange.transport import RequestLog
from hyperfade.clock import WallClock
from hyperfade.connections import (
    Endpoints,
    open_discord,
    open_exchange,
    open_telegram,
)
from hyperfade.database import open_storage
from hyperfade.destinations import open_apprise
from hyperfade.origin import foreign_origin
from hyperfade.own_words import own_words
from hyperfade.settings import Settings, load_settings
from storage.reader import Reader

LEAST_FREE_BYTES = 2 * 2**30
CHECK_S = 30.0
LARGEST_SKEW_MS = 5_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: ``ok`` None is a note that needs nobody."""

    check: str
    ok: bool | None
    found: str
    hint: str = ""


async def examine_all() -> list[Finding]:
    """Run all checks; one that fails doesn't stop the others, but without settings there are none."""
    try:
        settings = load_settings()
    except HyperfadeError as error:
        return [_python(), Finding("settings", False, str(error), "correct it, then run doctor again")]
    findings = [_python(), Finding("settings", True, "all known and valid"), _folder(settings)]
    checks: list[tuple[str, Callable[[Settings], Awaitable[Finding]]]] = [
        ("templates", _templates),
        ("database", _database),
        ("exchange", _exchange),
        ("telegram", _telegram),
        ("discord", _discord),
        ("webhooks", _webhooks),
        ("other services", _apprise),
    ]
    for name, check in checks:
        findings.append(await _guarded(name, check, settings))
    return findings


async def _guarded(name: str, check: Callable[[Settings], Awaitable[Finding]], settings: Settings) -> Finding:
    try:
        async with asyncio.timeout(CHECK_S):
            return await check(settings)
    except HyperfadeError as error:
        return Finding(name, False, str(error))
    except TimeoutError:
        return Finding(name, False, f"no answer within {CHECK_S:.0f} s", "check the network and the address")


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", True, version)


def _folder(settings: Settings) -> Finding:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.home).free
    except OSError as error:
        return Finding(
            "data folder",
            False,
            f"{settings.home}: {error.strerror}",
            "give permission there, or choose another with HYPERFADE_HOME",
        )
    found = f"{settings.home}, {free / 2**30:,.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return Finding("data folder", False, found, "make room: 2 GiB at least, or set HYPERFADE_HOME")
    return Finding("data folder", True, found)


async def _templates(settings: Settings) -> Finding:
    if settings.templates_dir is None:
        return Finding("templates", None, "the built-in ones", "for your own, set HYPERFADE_TEMPLATES_DIR")
    with own_words(settings) as count:
        found = counted(count, "template")
    return Finding("templates", True, f"{found} of your own in {settings.templates_dir}")


async def _database(settings: Settings) -> Finding:
    kind = "embedded" if settings.database_url is None else "HYPERFADE_DATABASE_URL"
    async with open_storage(settings, exclusive=False) as database:
        reader = Reader(database)
        counts = await reader.delivery_counts()
        version = await reader.schema_version()
        foreign = await foreign_origin(reader, Endpoints.of(settings).origin)
    unclear = counts.get("unknown", 0)
    found = f"{kind}, version {version}; {sum(counts.values()):,} alerts, {unclear} of unknown outcome"
    if foreign is not None:
        return Finding("database", False, f"{found}; {foreign}")
    if unclear:
        return Finding(
            "database", None, found, "those may or may not have arrived; they are never sent twice"
        )
    return Finding("database", True, found)


def _no_log(*, endpoint: str, weight: int, status: int | None, latency_ms: int, time_ms: int) -> None:
    """Leave the request log alone: doctor only looks."""


async def _exchange(settings: Settings) -> Finding:
    log: RequestLog = _no_log
    async with open_exchange(Endpoints.of(settings), WallClock(), log) as exchange:
        try:
            coins = await exchange.coins()
        except ExchangeError as error:
            return Finding(
                "exchange",
                False,
                f"{settings.exchange_url}: {error}",
                "check the network and HYPERFADE_EXCHANGE_URL; `hyperfade demo` needs neither",
            )
    listed = sum(1 for spec in coins if not spec.is_delisted)
    return Finding("exchange", True, f"{settings.exchange_url} lists {listed} perpetuals")


async def _telegram(settings: Settings) -> Finding:
    if settings.telegram_token is None:
        return Finding("telegram", None, "off", "to use it, set HYPERFADE_TELEGRAM_TOKEN (from @BotFather)")
    from telegram.error import TelegramError

    async with open_telegram(settings) as bot:
        assert bot is not None  # there is a token
        try:
            me, hook = await bot.get_me(), await bot.get_webhook_info()
        except TelegramError as error:
            hint = "check the network and HYPERFADE_TELEGRAM_BASE_URL"
            return Finding("telegram", False, f"no answer ({type(error).__name__})", hint)
    found = f"@{me.username}"
    if settings.telegram_webhook_url is None:
        return Finding("telegram", True, found)
    if hook.url == settings.telegram_webhook_url and hook.last_error_message:
        return Finding(
            "telegram",
            False,
            f"{found}, whose last delivery to {hook.url} failed: {hook.last_error_message}",
            "check that HYPERFADE_TELEGRAM_WEBHOOK_URL leads to the running program's webhook host and port",
        )
    state = "delivers" if hook.url == settings.telegram_webhook_url else "will deliver, from the next run,"
    return Finding("telegram", True, f"{found}, {state} to {settings.telegram_webhook_url}")


async def _discord(settings: Settings) -> Finding:
    if settings.discord_token is None:
        return Finding("discord", None, "off", "to use it, set HYPERFADE_DISCORD_TOKEN (developer portal)")
    async with open_discord(settings) as client:
        assert client is not None  # there is a token
        if client.user is None:
            return Finding("discord", False, "no answer", "check the network and HYPERFADE_DISCORD_API_URL")
        return Finding("discord", True, str(client.user))


async def _webhooks(settings: Settings) -> Finding:
    webhooks = settings.webhooks()
    if not webhooks:
        return Finding(
            "webhooks", None, "off", "to use them, set HYPERFADE_WEBHOOK_URLS; see docs/webhooks.md"
        )
    from notifiers.webhook_client import webhook_session
    from notifiers.webhook_probe import probe

    async with webhook_session(allow_private=settings.webhook_allow_private) as session:
        problems = [(one.name, await probe(session, one)) for one in webhooks]
    wrong = [f"{name}: {problem}" for name, problem in problems if problem is not None]
    if wrong:
        return Finding("webhooks", False, "; ".join(wrong), "check its address and whether it runs")
    return Finding("webhooks", True, ", ".join(one.name for one in webhooks) + " can be reached")


async def _apprise(settings: Settings) -> Finding:
    if not settings.apprise_urls:
        return Finding("other services", None, "off", "to use them, set HYPERFADE_APPRISE_URLS")
    async with open_apprise(settings) as notifier:
        assert notifier is not None  # there are addresses
        found = ", ".join(notifier.names)
    return Finding("other services", True, f"{found}: valid; `hyperfade notify test` sends them something")
