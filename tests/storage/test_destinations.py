"""Receivers of the settings are chats that hear everything, for as long as they are in the settings."""

import pytest

from core.model.alerts import AlertKind, Channel, Target
from core.model.chats import Role, Subscription
from core.model.market import Coin
from storage.chats import Chats
from storage.database import Database
from storage.destinations import Destinations
from storage.notices import Notices
from storage.outbox import Outbox
from tests.support.facts import MONDAY_MS
from tests.support.published import ANNA, add_member, end, publish, silence_console

pytestmark = pytest.mark.asyncio
ONE, OTHER = Target(Channel.WEBHOOK, "0a1b2c3d4e"), Target(Channel.WEBHOOK, "discord-5f6a7b8c9d")


async def test_a_new_receiver_hears_everything(database: Database) -> None:
    await Destinations(database).sync(Channel.WEBHOOK, [ONE.chat, OTHER.chat])
    for target in (ONE, OTHER):
        chat = await Chats(database).chat(target)
        assert chat is not None
        assert (chat.role, chat.subscriptions, chat.disabled_reason) == (
            Role.MEMBER,
            (Subscription(None),),
            None,
        )
        assert chat.title == f"webhook {target.chat}"


async def test_who_is_taken_out_hears_nothing_and_who_comes_back_hears_again(database: Database) -> None:
    destinations, chats = Destinations(database), Chats(database)
    await destinations.sync(Channel.WEBHOOK, [ONE.chat, OTHER.chat])
    await destinations.sync(Channel.WEBHOOK, [OTHER.chat])
    gone = await chats.chat(ONE)
    assert gone is not None
    assert gone.disabled_reason == "no longer in the settings"
    assert OTHER in [chat.target for chat in await chats.reachable()]
    await destinations.sync(Channel.WEBHOOK, [ONE.chat])
    assert {ONE, OTHER} & {chat.target for chat in await chats.reachable()} == {ONE}


async def test_one_that_refused_us_is_tried_again_at_the_next_start(database: Database) -> None:
    destinations, chats = Destinations(database), Chats(database)
    await destinations.sync(Channel.WEBHOOK, [ONE.chat])
    async with database.connection() as connection:
        await connection.execute("update chats set disabled_reason = '404' where chat = $1", ONE.chat)
    await destinations.sync(Channel.WEBHOOK, [ONE.chat])
    assert ONE in [chat.target for chat in await chats.reachable()]


async def test_at_the_next_start_it_gets_the_exits_that_it_missed(database: Database) -> None:
    destinations, outbox = Destinations(database), Outbox(database)
    await silence_console(database)
    await destinations.sync(Channel.WEBHOOK, [ONE.chat])
    await publish(database, 1)
    [entry] = await outbox.lease([Channel.WEBHOOK], 1, 60, "me")
    await outbox.sending(entry.alert_id, "me")
    await outbox.sent(entry.alert_id, None, MONDAY_MS)
    await outbox.disable_target(ONE, "404")
    await end(database, 1)
    assert await outbox.lease([Channel.WEBHOOK], 1, 60, "me") == []
    async with database.connection() as connection:
        await connection.execute(
            "update alerts set created_ms = extract(epoch from clock_timestamp()) * 1000"
        )
    await destinations.sync(Channel.WEBHOOK, [ONE.chat])
    [leaving] = await outbox.lease([Channel.WEBHOOK], 1, 60, "me")
    assert leaving.kind is AlertKind.EXIT


async def test_what_it_was_told_to_want_stays(database: Database) -> None:
    destinations, chats = Destinations(database), Chats(database)
    await destinations.sync(Channel.WEBHOOK, [ONE.chat])
    await chats.unsubscribe(ONE, None)
    await chats.subscribe(ONE, Subscription(Coin("BTC")))
    await destinations.sync(Channel.WEBHOOK, [ONE.chat])
    chat = await chats.chat(ONE)
    assert chat is not None
    assert chat.subscriptions == (Subscription(Coin("BTC")),)


async def test_other_channels_are_left_alone(database: Database) -> None:
    await add_member(database, ANNA, Subscription(None))
    await Destinations(database).sync(Channel.WEBHOOK, [])
    await Destinations(database).sync(Channel.APPRISE, [ONE.chat])
    reachable = [chat.target for chat in await Chats(database).reachable()]
    assert ANNA in reachable
    assert Target(Channel.APPRISE, ONE.chat) in reachable


async def test_nothing_waits_for_who_is_taken_out(database: Database) -> None:
    destinations = Destinations(database)
    await silence_console(database)
    await destinations.sync(Channel.WEBHOOK, [ONE.chat])
    await publish(database, 1)
    assert await Notices(database).waits_longest() is not None
    await destinations.sync(Channel.WEBHOOK, [])
    assert await Notices(database).waits_longest() is None
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from outbox") == 0
        assert await connection.fetchval("select state from alerts") == "dead"
