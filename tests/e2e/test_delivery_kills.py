"""`kill -9` of a dispatcher between claim, sending and mark: nothing vanishes, and little comes twice.

``HYPERFADE_TEST_KILLS`` says how often it is killed (default: 10); 1,000 alerts go to 50 chats.
"""

import asyncio
import contextlib
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from random import Random

import pytest

from core.model.alerts import Channel, Target
from core.model.chats import Subscription
from storage.database import Database
from storage.publications import Publications
from storage.reader import Reader
from tests.support import faults
from tests.support.discord_server import DiscordServer
from tests.support.faults import Fault
from tests.support.published import EVIDENCE, add_member, nth_decision, publication, silence_console
from tests.support.telegram_server import TelegramServer
from tests.support.wall_clock import now_seconds

KILLS = int(os.environ.get("HYPERFADE_TEST_KILLS") or 10)
CHATS_EACH = 25
OPPORTUNITIES = 20
DAY_MS = 86_400_000
QUIET_S = 10.0

LOST_ON_THE_WAY: tuple[Callable[[], Fault] | None, ...] = (
    None,
    lambda: faults.stall(),
    lambda: faults.stall(accepted=True),
)
"""Where the kill finds a send: anywhere; before the platform took it; after, with the answer unread."""


class World:
    """Two platforms with their chats, one database, and dispatchers that come and go."""

    def __init__(
        self, database: Database, dsn: str, telegram: TelegramServer, discord: DiscordServer
    ) -> None:
        self.database, self.dsn, self.telegram, self.discord = database, dsn, telegram, discord
        self.in_flight = 0
        self.people: list[int] = []
        self.channels: list[int] = []

    async def settle(self) -> None:
        """Make the chats and let them hear everything."""
        await silence_console(self.database)
        for n in range(CHATS_EACH):
            self.people.append(self.telegram.add_user(50_000 + n).id)
            self.channels.append((await self.discord.add_channel(70_000 + n)).id)
        for channel, chats in ((Channel.TELEGRAM, self.people), (Channel.DISCORD, self.channels)):
            for chat in chats:
                await add_member(self.database, Target(channel, str(chat)), Subscription(None))

    async def publish(self, numbers: Iterable[int]) -> None:
        now_ms = round(now_seconds() * 1000)
        decisions = [
            nth_decision(n, published_ms=now_ms, event_ms=now_ms - 400, expires_ms=now_ms + DAY_MS)
            for n in numbers
        ]
        if decisions:
            await Publications(self.database).publish(publication(*decisions, now_ms=now_ms), EVIDENCE)

    @contextlib.asynccontextmanager
    async def dispatcher(self) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.dispatching_child", self.dsn,
            self.telegram.base_url, self.telegram.token,
            self.discord.api_url, str(self.discord.gateway_url), self.discord.token,
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def sends(self, more: int) -> None:
        """Wait until so many more requests to send have arrived, or no more come for a while."""
        wanted = self.requests() + more
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                while self.requests() < wanted and not await self.is_done():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    def requests(self) -> int:
        return len(self.telegram.calls_of("sendMessage")) + len(self.discord.calls_of("create_message"))

    async def note_the_dead(self) -> None:
        """Count what was being sent, let leases of the dead run out and pauses end at once."""
        async with self.database.connection() as connection:
            self.in_flight += await connection.fetchval("select count(*) from outbox where state = 'sending'")
            await connection.execute(
                "update outbox set lease_until = clock_timestamp() - interval '1 s' where state <> 'pending'"
            )
            await connection.execute("update outbox set not_before = clock_timestamp()")

    async def is_done(self) -> bool:
        async with self.database.connection() as connection:
            return not await connection.fetchval("select exists (select from outbox)")

    def seen(self) -> tuple[Counter[tuple[int, str]], Counter[tuple[int, str]]]:
        """Return how often each chat shows each opportunity, by platform."""
        on_telegram = Counter(
            (chat, _number(m.text)) for chat in self.people for m in self.telegram.messages(chat)
        )
        on_discord = Counter(
            (chat, _number(m.text)) for chat in self.channels for m in self.discord.channel_messages(chat)
        )
        return on_telegram, on_discord


def _number(text: str) -> str:
    return text.partition("#")[2][:4]


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.timeout(1800)
async def test_a_killed_dispatcher_loses_nothing_and_repeats_no_more_than_it_was_sending(
    database: Database, database_dsn: str, telegram_server: TelegramServer, discord_server: DiscordServer
) -> None:
    rng = Random(KILLS)
    world = World(database, database_dsn, telegram_server, discord_server)
    await world.settle()
    published = 0
    for life in range(KILLS):
        due = OPPORTUNITIES * (life + 1) // (KILLS + 1)
        await world.publish(range(published + 1, due + 1))
        published = max(published, due)
        if await world.is_done():
            published += 1
            await world.publish([published])
        fault = LOST_ON_THE_WAY[life % 3]
        async with world.dispatcher() as process:
            if fault is None:
                await world.sends(rng.randrange(1, 40))
            else:
                if rng.random() < 0.5:
                    telegram_server.fail(fault(), method="sendMessage", times=rng.randrange(1, 5))
                else:
                    discord_server.fail(fault(), route="create_message", times=rng.randrange(1, 5))
                await world.sends(rng.randrange(1, 8))
            assert process.returncode is None
            process.kill()
        await world.note_the_dead()
        telegram_server.heal()
        discord_server.heal()
    await world.publish(range(published + 1, OPPORTUNITIES + 1))
    published = max(published, OPPORTUNITIES)
    async with world.dispatcher() as process:
        async with asyncio.timeout(300):
            while not await world.is_done():
                assert process.returncode is None
                await asyncio.sleep(0.2)
    counts = {state: n for state, n in (await Reader(database).delivery_counts()).items() if n}
    on_telegram, on_discord = world.seen()
    unknown = counts.get("unknown", 0)
    repeated = sum(n - 1 for n in (*on_telegram.values(), *on_discord.values()))
    print(
        f"{KILLS} kills, {published * 2 * CHATS_EACH} alerts: {counts}, {world.in_flight} in flight at "
        f"kills, {repeated} repeated, of them {sum(n - 1 for n in on_discord.values())} on Discord"
    )
    assert set(counts) <= {"sent", "unknown"}
    assert sum(counts.values()) == published * 2 * CHATS_EACH
    assert unknown + repeated <= world.in_flight
    assert max(on_discord.values()) == 1
    assert world.in_flight > 0
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select channel, chat, state, lpad(right(opportunity_id, 4), 4, '0') as n from alerts"
        )
    for row in rows:
        shown = (on_telegram if row["channel"] == "telegram" else on_discord)[int(row["chat"]), row["n"]]
        assert shown == 1 if row["state"] == "sent" else shown <= 1, dict(row)
