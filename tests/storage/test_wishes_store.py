"""What a chat wants is kept, and the server tells the time as core does."""

from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from core.errors import UsageError
from core.model.alerts import AlertKind, Target
from core.model.chats import (
    ChatSettings,
    DigestPeriod,
    Follow,
    Loudness,
    Mute,
    QuietHours,
    Role,
    Subscription,
)
from core.model.market import HOUR_MS, Address, Coin, Direction
from core.ports import WishStore
from core.quiet_hours import is_quiet
from storage.chats import Chats
from storage.database import Database
from storage.outbox import Outbox
from storage.wishes import Wishes
from tests.support.facts import LOSER, MONDAY_MS
from tests.support.published import ANNA, BEN, add_member, publish, silence_console

pytestmark = pytest.mark.asyncio

OTHER = Address("0x" + "b2" * 20)


async def wishes_of_anna(database: Database) -> WishStore:
    await Chats(database).add_chat(ANNA, Role.MEMBER, "Anna")
    return Wishes(database)


async def test_settings_are_kept_as_they_were_said(database: Database) -> None:
    wishes = await wishes_of_anna(database)
    wanted = ChatSettings(
        loudness={AlertKind.ENTRY: Loudness.SILENT, AlertKind.LIST: Loudness.OFF},
        quiet=QuietHours(time(22, 30), time(7)),
        time_zone="America/St_Johns",
        hourly_cap=6,
        digest=DigestPeriod.WEEKLY,
        digest_hour=18,
    )
    await wishes.save_settings(ANNA, wanted)
    chat = await Chats(database).chat(ANNA)
    assert chat is not None
    assert chat.settings == wanted


async def test_a_zone_that_the_server_does_not_know_is_refused(database: Database) -> None:
    wishes = await wishes_of_anna(database)
    with pytest.raises(UsageError, match="Mars/Olympus"):
        await wishes.save_settings(ANNA, ChatSettings(time_zone="Mars/Olympus"))
    chat = await Chats(database).chat(ANNA)
    assert chat is not None
    assert chat.settings == ChatSettings()


async def test_a_label_is_one_traders_in_one_chat(database: Database) -> None:
    wishes = await wishes_of_anna(database)
    await Chats(database).add_chat(BEN, Role.MEMBER, "Ben")
    await wishes.follow(ANNA, LOSER, "Whale")
    with pytest.raises(UsageError, match="choose another label"):
        await wishes.follow(ANNA, OTHER, "whale")
    await wishes.follow(BEN, OTHER, "whale")
    await wishes.follow(ANNA, LOSER, "whale")
    await wishes.follow(ANNA, OTHER, None)
    chat = await Chats(database).chat(ANNA)
    assert chat is not None
    assert chat.follows == (Follow(LOSER, "whale"), Follow(OTHER, None))
    assert await wishes.followed() == [LOSER, OTHER]
    assert await wishes.unfollow(ANNA, OTHER)
    assert not await wishes.unfollow(ANNA, OTHER)


async def test_wishes_follow_a_chat_that_moves_to_a_known_one(database: Database) -> None:
    wishes = await wishes_of_anna(database)
    there = Target(ANNA.channel, "-100777")
    await Chats(database).add_chat(there, Role.MEMBER, "Anna's group")
    short = Subscription(Coin("BTC"), side=Direction.SHORT)
    await Chats(database).subscribe(ANNA, short)
    await wishes.follow(ANNA, LOSER, "whale")
    await wishes.follow(there, OTHER, "Whale")
    await wishes.mute(ANNA, "BTC", MONDAY_MS + 2)
    await wishes.mute(there, "BTC", MONDAY_MS + 9)
    await Outbox(database).move_target(ANNA, there.chat)
    chat = await Chats(database).chat(there)
    assert chat is not None
    assert chat.subscriptions == (short,)
    # A name that the new chat gives to somebody else isn't taken from it.
    assert chat.follows == (Follow(OTHER, "Whale"),)
    assert await wishes.mutes(there, MONDAY_MS) == (Mute("BTC", MONDAY_MS + 9),)


async def test_who_asks_from_the_new_chat_first_is_who_was_let_in_before(database: Database) -> None:
    await wishes_of_anna(database)
    there = Target(ANNA.channel, "-100777")
    for before, role, becomes in (
        (Role.MEMBER, Role.PENDING, Role.MEMBER),
        (Role.MEMBER, Role.DECLINED, Role.DECLINED),
        (Role.DECLINED, Role.PENDING, Role.DECLINED),
        (Role.DECLINED, Role.MEMBER, Role.DECLINED),
        (Role.PENDING, Role.MEMBER, Role.MEMBER),
        (Role.DECLINED, Role.OWNER, Role.OWNER),
    ):
        await Chats(database).add_chat(ANNA, before, "Anna's group")
        await Chats(database).set_role(ANNA, before)
        await Chats(database).add_chat(there, role, "Anna's group")
        await Chats(database).set_role(there, role)
        await Outbox(database).move_target(ANNA, there.chat)
        chat = await Chats(database).chat(there)
        assert chat is not None
        assert chat.role is becomes


async def test_a_declined_group_that_moves_stays_declined_and_gets_nothing(database: Database) -> None:
    there = Target(ANNA.channel, "-100777")
    await silence_console(database)
    await Chats(database).add_chat(ANNA, Role.DECLINED, "Anna's group")
    # An open bot lets everybody in whom it doesn't know.
    await add_member(database, there, Subscription(None))
    await publish(database, 1)
    await Outbox(database).move_target(ANNA, there.chat)
    chat = await Chats(database).chat(there)
    assert chat is not None
    assert chat.role is Role.DECLINED
    assert await Outbox(database).lease([ANNA.channel], 9, 60, "me") == []
    await publish(database, 2)
    assert await Outbox(database).lease([ANNA.channel], 9, 60, "me") == []


@pytest.mark.parametrize("is_known", [True, False])
async def test_topics_let_in_under_the_new_id_are_turned_out_with_their_group(
    is_known: bool, database: Database
) -> None:
    there = Target(ANNA.channel, "-100777")
    topic, owners = replace(there, thread="9"), replace(there, thread="10")
    await silence_console(database)
    await Chats(database).add_chat(ANNA, Role.DECLINED, "Anna's group")
    await Chats(database).add_chat(owners, Role.OWNER, "Anna's group")
    for place in (there, topic, owners) if is_known else (topic, owners):
        await add_member(database, place, Subscription(None))
    await publish(database, 1)
    await Outbox(database).move_target(ANNA, there.chat)
    for place, role in ((there, Role.DECLINED), (topic, Role.DECLINED), (owners, Role.OWNER)):
        chat = await Chats(database).chat(place)
        assert chat is not None
        assert chat.role is role
    leased = await Outbox(database).lease([ANNA.channel], 9, 60, "me")
    assert [alert.target for alert in leased] == [owners]


async def test_a_declined_group_that_moves_to_an_unknown_id_stays_declined(database: Database) -> None:
    await Chats(database).add_chat(ANNA, Role.DECLINED, "Anna's group")
    await Outbox(database).move_target(ANNA, "-100777")
    chat = await Chats(database).chat(Target(ANNA.channel, "-100777"))
    assert chat is not None
    assert chat.role is Role.DECLINED


async def test_mutes_end(database: Database) -> None:
    wishes = await wishes_of_anna(database)
    await wishes.mute(ANNA, "BTC", MONDAY_MS + 2)
    await wishes.mute(ANNA, "all", MONDAY_MS + 1)
    await wishes.mute(ANNA, "BTC", MONDAY_MS + 3)
    assert await wishes.mutes(ANNA, MONDAY_MS) == (Mute("all", MONDAY_MS + 1), Mute("BTC", MONDAY_MS + 3))
    assert await wishes.mutes(ANNA, MONDAY_MS + 1) == (Mute("BTC", MONDAY_MS + 3),)
    assert await wishes.unmute(ANNA, "ETH") == 0
    assert await wishes.unmute(ANNA, None) == 2


ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Asia/Tokyo",
)
QUIET = (
    QuietHours(time(22), time(7)),
    QuietHours(time(2, 30), time(6)),
    QuietHours(time(22), time(2, 30)),
    QuietHours(time(1), time(2)),
)
CHANGES = ("2026-03-08", "2026-03-29", "2026-04-05", "2026-09-27", "2026-10-04", "2026-10-25", "2026-11-01")


async def test_the_server_tells_quiet_hours_as_core_does(database: Database) -> None:
    moments = [
        int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000 + quarter * HOUR_MS // 4
        for day in CHANGES
        for quarter in range(-96, 192)
    ]
    async with database.connection() as connection:
        for zone in ZONES:
            for quiet in QUIET:
                rows = await connection.fetch(
                    "select is_quiet($3, $4, $2, ms) as there"
                    " from unnest($1::bigint[]) with ordinality as t (ms, nth) order by nth",
                    moments,
                    zone,
                    quiet.begin,
                    quiet.end,
                )
                for ms, row in zip(moments, rows, strict=True):
                    assert row["there"] is is_quiet(quiet, ZoneInfo(zone), ms), (zone, quiet, ms)
