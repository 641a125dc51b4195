"""Owners hear of trouble once when it begins and once when it is over, across restarts."""

import pytest

from core.model.alerts import Alert, AlertKind, Channel
from core.model.chats import Role
from core.model.market import HOUR_MS
from core.model.notices import HealthFacts, Problem
from core.services.health import BEHIND_MS, DEAF_MS, STALE_MS, HealthService, Signs
from core.trouble import database_trouble
from storage.chats import Chats
from storage.database import Database
from storage.notices import Notices
from storage.outbox import Outbox
from storage.reader import Reader
from tests.support.detection_ports import HandClock, Sleeper
from tests.support.published import ANNA, BEN, publish, silence_console

pytestmark = pytest.mark.asyncio


class Desk:
    """The service over a real store; feed and list are as fresh as they are said to be."""

    def __init__(self, database: Database, before: "Desk | None" = None) -> None:
        self.database = database
        self.clock: HandClock = before.clock if before else HandClock()
        self.heard_ms: int | None = None
        self.ranked_ms: int | None = None
        notices = Notices(database)
        signs = Signs(lambda: self.heard_ms, lambda: self.ranked_ms, notices.waits_longest, notices.chats_off)
        self.service = HealthService(
            signs, notices, Reader(database), self.clock, Sleeper(), database_trouble(self.clock.now_ms)
        )

    async def look(self, after_ms: int = 0) -> list[tuple[Problem, bool]]:
        """Let time pass, look twice, and return what the owner's chat is told."""
        self.clock.at_ms += after_ms
        await self.service.look()
        await self.service.look()
        return [(alert.facts.problem, alert.facts.is_over) for alert in await self.deliver()
                if isinstance(alert.facts, HealthFacts)]  # fmt: skip

    async def deliver(self) -> list[Alert]:
        outbox, sent = Outbox(self.database), []
        while leased := await outbox.lease([Channel.TELEGRAM], 50, 60, "me"):
            for alert in leased:
                assert await outbox.sending(alert.alert_id, "me")
                await outbox.sent(alert.alert_id, "m", self.clock.now_ms())
                sent.append(alert)
        return sent


async def a_desk(database: Database) -> Desk:
    await silence_console(database)
    await Chats(database).add_chat(ANNA, Role.OWNER, "Anna")
    async with database.connection() as connection:  # the terminal would keep what nobody sends here
        await connection.execute("delete from chats where channel = 'console'")
    return Desk(database)


async def test_a_deaf_feed(database: Database) -> None:
    desk = await a_desk(database)
    assert await desk.look(DEAF_MS) == []
    assert await desk.look(1) == [(Problem.FEED_DEAF, False)]
    assert await desk.look(HOUR_MS) == []
    desk.heard_ms = desk.clock.at_ms
    assert await desk.look() == [(Problem.FEED_DEAF, True)]


async def test_a_stale_list(database: Database) -> None:
    desk = await a_desk(database)
    desk.heard_ms = desk.clock.at_ms + 2 * STALE_MS
    assert await desk.look(STALE_MS) == []
    assert await desk.look(1) == [(Problem.LIST_STALE, False)]
    desk.ranked_ms = desk.clock.at_ms
    assert await desk.look() == [(Problem.LIST_STALE, True)]


async def test_a_dispatcher_that_is_behind_names_who_waits(database: Database) -> None:
    desk = await a_desk(database)
    desk.heard_ms = desk.clock.at_ms + HOUR_MS
    await Chats(database).add_chat(BEN, Role.MEMBER, "Ben")
    await Outbox(database).add_test(BEN, desk.clock.at_ms)
    assert await desk.look(BEHIND_MS) == []
    desk.clock.at_ms += 1
    await desk.service.look()
    [alert] = await desk.deliver()
    assert isinstance(alert.facts, HealthFacts)
    assert (alert.kind, alert.facts.problem) == (AlertKind.HEALTH, Problem.DISPATCH_BEHIND)
    assert "discord:202/7" in alert.facts.detail
    async with database.connection() as connection:
        await connection.execute("delete from outbox")
    assert await desk.look() == [(Problem.DISPATCH_BEHIND, True)]


async def test_a_chat_that_a_platform_switched_off(database: Database) -> None:
    desk = await a_desk(database)
    await Chats(database).add_chat(BEN, Role.MEMBER, "Ben")
    await Outbox(database).disable_target(BEN, "Discord refuses this channel")
    assert await desk.look() == [(Problem.CHAT_OFF, False)]
    again = Desk(database, desk)  # after a restart the same isn't told again
    assert await again.look() == []
    await Chats(database).enable(BEN)
    assert await again.look() == [(Problem.CHAT_OFF, True)]
    await Outbox(database).disable_target(BEN, "once more")
    assert await again.look() == [(Problem.CHAT_OFF, False)]
    await Chats(database).forget(BEN)
    assert await again.look() == []


async def test_what_is_well_is_not_told(database: Database) -> None:
    desk = await a_desk(database)
    await publish(database, 1)
    assert await desk.look() == []
