"""A flood of opportunities for many chats, with one platform dead for a while: paces, order, and who waits.

``HYPERFADE_TEST_FLOOD=full``: 5,000 opportunities in a minute for 200 chats; otherwise a smaller form.
"""

import asyncio
import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from random import Random
from statistics import quantiles

import pytest

from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.chats import ChatSettings, Subscription
from core.model.notices import MergedFacts
from core.services.dispatching import DispatchService
from hyperfade.clock import WallClock
from notifiers.discord import DiscordNotifier
from notifiers.pacing import Limit, Limits, Pacer
from notifiers.telegram import TelegramNotifier
from storage.database import Database
from storage.outbox import Outbox
from storage.reader import Reader
from storage.waker import Waker
from storage.wishes import Wishes
from tests.support.chat_clients import discord_client, telegram_bot
from tests.support.discord_server import DiscordServer
from tests.support.published import (
    add_member,
    silence_console,
)
from tests.support.telegram_server import TelegramServer
from tests.support.wall_clock import now_seconds


@dataclass(frozen=True, slots=True)
class Flood:
    """How much of it."""

    opportunities: int
    seconds: float
    private: int
    groups: int
    channels: int
    hourly_cap: int
    dead_s: float
    uncapped: int
    """Of each platform's first chats: they fall behind and hear the rest in one message."""


FULL = Flood(5_000, 60.0, 80, 20, 100, 20, 20.0, 3)
SMALL = Flood(120, 6.0, 12, 3, 10, 12, 6.0, 0)
FLOOD = FULL if os.environ.get("HYPERFADE_TEST_FLOOD") == "full" else SMALL
LIMITS = Limits()


class Town:
    """Two platforms full of chats, one dispatcher, and a record of when everything arrived."""

    def __init__(
        self, database: Database, dsn: str, telegram: TelegramServer, discord: DiscordServer
    ) -> None:
        self.database, self.dsn, self.telegram, self.discord = database, dsn, telegram, discord
        self.delays_s: dict[Channel, list[tuple[float, float]]] = defaultdict(list)
        self.merged = 0
        self.order: dict[Target, list[tuple[AlertKind, str]]] = defaultdict(list)

    async def settle(self) -> None:
        """Make the chats: all hear everything, at most so many entries an hour."""
        await silence_console(self.database)
        people = [self.telegram.add_user(50_000 + n).id for n in range(FLOOD.private)]
        groups = [self.telegram.add_chat(-100_000 - n, "supergroup").id for n in range(FLOOD.groups)]
        channels = [(await self.discord.add_channel(70_000 + n)).id for n in range(FLOOD.channels)]
        for channel, chats in ((Channel.TELEGRAM, [*people, *groups]), (Channel.DISCORD, channels)):
            for n, chat in enumerate(chats):
                target = Target(channel, str(chat))
                await add_member(self.database, target, Subscription(None))
                if n >= FLOOD.uncapped:
                    settings = ChatSettings(hourly_cap=FLOOD.hourly_cap)
                    await Wishes(self.database).save_settings(target, settings)

    def note(self, alert: Alert) -> None:
        """Remember an alert that arrived, and how long after it was written."""
        now = now_seconds()
        self.delays_s[alert.target.channel].append((now, now - alert.created_ms / 1000))
        told = [(alert.kind, alert.short_id)]
        if isinstance(alert.facts, MergedFacts):
            self.merged += 1
            told = [(AlertKind.ENTRY, line.opportunity.short_id) for line in reversed(alert.facts.lines)]
        self.order[alert.target] += told

    @contextlib.asynccontextmanager
    async def dispatching(self) -> AsyncIterator[None]:
        async with (
            telegram_bot(self.telegram) as bot,
            discord_client(self.discord) as client,
            Waker(self.database) as waker,
        ):
            service = DispatchService(
                Outbox(self.database),
                {Channel.TELEGRAM: TelegramNotifier(bot), Channel.DISCORD: DiscordNotifier(client)},
                Pacer(asyncio.get_running_loop().time, LIMITS),
                waker,
                WallClock(),
                asyncio.sleep,
                Random(7),
                "flood",
                self.note,
            )
            task = asyncio.create_task(service.run())
            try:
                yield
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def flood(self) -> float:
        """Publish it all evenly from a process of its own; return how many seconds it took."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.flooding_child",
            self.dsn, str(FLOOD.opportunities), str(FLOOD.seconds),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode == 0
        return float(out)

    async def settled(self) -> None:
        """Wait until nothing is left to send."""
        reader = Reader(self.database)
        async with asyncio.timeout(600):
            while True:
                counts = await reader.delivery_counts()
                if not counts["pending"] + counts["leased"] + counts["sending"]:
                    return
                await asyncio.sleep(0.2)


def fullest(times: Iterable[float], limit: Limit) -> int:
    """Return the most that any window of the limit holds."""
    ordered = sorted(times)
    most, first = 0, 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - limit.window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def telling(delays: list[float]) -> str:
    if len(delays) < 2:
        return "none"
    cuts = quantiles(delays, n=100)
    return f"{len(delays):,}: median {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s, longest {max(delays):.2f} s"


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.timeout(1200)
async def test_a_flood_breaks_no_pace_and_no_order_and_a_dead_platform_delays_no_other(
    database: Database, database_dsn: str, telegram_server: TelegramServer
) -> None:
    async with DiscordServer(limit=5, window_seconds=5.0) as discord_server:
        town = Town(database, database_dsn, telegram_server, discord_server)
        await town.settle()
        async with town.dispatching():
            publishing = asyncio.create_task(town.flood())
            await asyncio.sleep(FLOOD.seconds / 3)
            await telegram_server.close()
            dead_from = now_seconds()
            await asyncio.sleep(FLOOD.dead_s)
            dead_to = now_seconds()
            await telegram_server.open()
            took_s = await publishing
            await town.settled()
        counts = {k: n for k, n in (await Reader(database).delivery_counts()).items() if n}
        sends = telegram_server.calls_of("sendMessage")
        posts = discord_server.calls_of("create_message")
        by_chat: dict[str, list[float]] = defaultdict(list)
        for call in sends:
            by_chat[str(call.params.get("chat_id"))].append(call.at)
        by_channel: dict[str, list[float]] = defaultdict(list)
        for post in posts:
            by_channel[post.path].append(post.at)
        on_discord = town.delays_s[Channel.DISCORD]
        during = [delay for at, delay in on_discord if dead_from <= at <= dead_to]
        other = [delay for at, delay in on_discord if not dead_from <= at <= dead_to]
        on_telegram = [delay for _, delay in town.delays_s[Channel.TELEGRAM]]
        print(f"{FLOOD}: {counts}, {town.merged} messages of merged entries")
        print(f"published in {took_s} s")
        print(f"Telegram {telling(on_telegram)}; Discord {telling(other)}; meanwhile {telling(during)}")
    assert set(counts) <= {"sent", "held", "unknown", "expired"}
    assert counts["sent"] > 0
    # paces, as the platforms saw them
    assert fullest((call.at for call in sends), LIMITS.telegram_bot) <= LIMITS.telegram_bot.messages
    for chat, times in by_chat.items():
        limit = LIMITS.telegram_group if chat.startswith("-") else LIMITS.telegram_private
        assert fullest(times, limit) <= limit.messages, chat
    assert fullest((post.at for post in posts), LIMITS.discord_bot) <= LIMITS.discord_bot.messages
    for channel, times in by_channel.items():
        assert fullest(times, LIMITS.discord_channel) <= LIMITS.discord_channel.messages, channel
    # order: entries as they were published, exits after their entry
    for target, told in town.order.items():
        entries = [number for kind, number in told if kind is AlertKind.ENTRY]
        assert entries == sorted(entries), target
        for place, (kind, number) in enumerate(told):
            if kind is AlertKind.EXIT and number in entries:
                assert (AlertKind.ENTRY, number) in told[:place], (target, number)
    # Discord hears as soon as otherwise while Telegram is dead
    assert during
    assert max(during) <= max(other) + LIMITS.discord_channel.window_s
