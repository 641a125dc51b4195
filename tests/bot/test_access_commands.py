"""How a stranger gets in: asked once, decided by an owner's press, told; and silence for the declined."""

from dataclasses import replace

import pytest

from bot.access import MOST_ASKED
from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.chats import Chat, Role, Subscription
from core.model.notices import RequestFacts
from storage.chats import Chats
from storage.database import Database
from tests.support.published import publish, silence_console
from tests.support.wish_desk import ANN, GROUP, Desk

pytestmark = pytest.mark.asyncio

EVE = Target(Channel.TELEGRAM, "66")
BOB = Target(Channel.DISCORD, "5")


async def owned(database: Database) -> Desk:
    await silence_console(database)
    desk = Desk(database)
    await desk.let_in(role=Role.OWNER)
    return desk


async def queued(desk: Desk, target: Target) -> list[Alert]:
    """Return what waits for a chat, one after the other."""
    found = []
    while leased := await desk.outbox.lease([target.channel], 9, 60, "me"):
        for alert in leased:
            await desk.outbox.sending(alert.alert_id, "me")
            await desk.outbox.sent(alert.alert_id, None, desk.clock.now_ms())
            found.append(alert)
    return [alert for alert in found if alert.target == target]


async def test_a_stranger_asks_once_and_is_let_in_by_a_press(database: Database) -> None:
    desk = await owned(database)
    text = await desk.ask("start", EVE, user_id="66", title="Eve <eve>")
    assert "Its owner has been asked" in text
    [request] = await queued(desk, ANN)
    assert request.kind is AlertKind.REQUEST
    assert request.facts == RequestFacts(str(EVE), "Eve <eve>", "66")
    await desk.ask("losers", EVE, user_id="66")
    assert await queued(desk, ANN) == []

    assert "Eve &lt;eve&gt; (telegram:66) is let in" in await desk.ask(f"approve {EVE}", press=True)
    [told] = await queued(desk, EVE)
    assert told.facts == RequestFacts(str(EVE), "Eve <eve>", "66", is_let_in=True)
    assert "Commands" in await desk.ask("help", EVE, user_id="66")
    assert "was let in already" in await desk.ask(f"approve {EVE}", press=True)
    assert desk.last is not None
    assert "was let in already" in desk.last.notice
    assert await queued(desk, EVE) == []


async def test_the_declined_meet_silence_and_nobody_is_asked_again(database: Database) -> None:
    desk = await owned(database)
    await desk.ask("start", EVE, user_id="66", title="Eve")
    await queued(desk, ANN)
    assert "is declined and met with silence" in await desk.ask(f"decline {EVE}", press=True)
    for line in ("start", "losers", "start WRONG", "pending"):
        assert await desk.ask(line, EVE, user_id="66") == ""
    assert await queued(desk, ANN) == []
    assert (await desk.chat(EVE)).role is Role.DECLINED
    assert "was declined already" in await desk.ask(f"decline {EVE}")
    assert "is let in" in await desk.ask(f"approve {EVE}")
    assert "Commands" in await desk.ask("help", EVE, user_id="66")


async def test_the_declined_may_be_forgotten_but_not_that_they_were_declined(database: Database) -> None:
    desk = await owned(database)
    await desk.ask("start", EVE, user_id="66", title="Eve")
    await desk.ask(f"approve {EVE}")
    await desk.ask("follow 0x" + "ab" * 20 + " whale", EVE, user_id="66")
    await desk.ask("mute BTC 4h", EVE, user_id="66")
    await desk.ask(f"decline {EVE}")
    await queued(desk, ANN)

    assert "That an owner declined this chat stays" in await desk.ask("stop", EVE, user_id="66")
    assert "Nothing was deleted" in await desk.press("Keep it", EVE, user_id="66")
    await desk.ask("stop", EVE, user_id="66")
    assert "deleted but this chat's id" in await desk.press("Delete everything", EVE, user_id="66")
    assert await desk.chat(EVE) == Chat(EVE, Role.DECLINED, "", None, ())
    assert await desk.stores.wishes.mutes(EVE, desk.clock.now_ms()) == ()
    for line in ("stop", "stop yes", "start", "losers"):
        assert await desk.ask(line, EVE, user_id="66", title="Eve") == ""
    assert await queued(desk, ANN) == []
    assert (await desk.chat(EVE)).title == ""
    assert f"({EVE}) is let in" in await desk.ask(f"approve {EVE}")


async def test_only_administrators_have_a_declined_group_forgotten(database: Database) -> None:
    desk = await owned(database)
    await desk.let_in(GROUP, Role.DECLINED, "a group")
    assert await desk.ask("stop yes", GROUP, user_id="66") == ""
    assert (await desk.chat(GROUP)).title == "a group"
    assert "Goodbye" in await desk.ask("stop yes", GROUP, user_id="66", admin=True)
    assert (await desk.chat(GROUP)).title == ""


async def test_who_waits_may_be_forgotten_and_asks_owners_once_a_day(database: Database) -> None:
    desk = await owned(database)
    for _ in range(MOST_ASKED + 1):
        await desk.ask("start", EVE, user_id="66", title="Eve")
        assert "Goodbye" in await desk.ask("stop yes", EVE, user_id="66")
        assert await desk.stores.chats.chat(EVE) is None
    assert len(await queued(desk, ANN)) == 1
    # Nor did it use up what others may ask.
    await desk.ask("start", BOB, user_id="9", title="Bob")
    assert len(await queued(desk, ANN)) == 1


async def test_a_member_can_be_turned_out_and_an_owner_not(database: Database) -> None:
    desk = await owned(database)
    await desk.let_in(EVE, title="Eve")
    await desk.stores.chats.subscribe(EVE, Subscription(None))
    await desk.ask(f"decline {EVE}")
    assert await desk.ask("losers", EVE, user_id="66") == ""
    assert "stays one" in await desk.ask(f"decline {ANN}")


async def test_who_waits_is_listed_with_buttons(database: Database) -> None:
    desk = await owned(database)
    assert "Nobody waits" in await desk.ask("pending")
    await desk.ask("start", EVE, user_id="66", title="Eve\u202e @everyone")
    await desk.ask("start", BOB, user_id="9", title="Bob")
    text = await desk.ask("pending")
    assert "Eve ＠everyone (telegram:66), asked by telegram:66" in text
    assert desk.labels == ["Let in Eve ＠everyone", "Decline", "Let in Bob", "Decline"]
    assert "is let in" in await desk.press("Let in Bob")
    assert desk.labels == ["Let in Eve ＠everyone", "Decline"]
    assert "Nobody waits" in await desk.press("Decline")
    assert (await desk.chat(BOB)).role is Role.MEMBER


@pytest.mark.parametrize("line", ["pending", f"approve {EVE}", f"decline {EVE}"])
async def test_only_owners_decide_however_the_press_was_made(database: Database, line: str) -> None:
    desk = await owned(database)
    await desk.ask("start", EVE, user_id="66")
    await desk.let_in(BOB)
    for press in (False, True):
        assert "Only this bot's owner decides that." in await desk.ask(line, BOB, user_id="9", press=press)
        assert "private bot" in await desk.ask(line, EVE, user_id="66", press=press) or desk.last is None
    await desk.let_in(GROUP, Role.OWNER)
    assert "only its administrators" in await desk.ask(line, GROUP, user_id="8", press=True)
    assert (await desk.chat(EVE)).role is Role.PENDING


@pytest.mark.parametrize("words", ["", "telegram:404", "console:stdout", "<b>", "telegram:1 2"])
async def test_a_chat_that_never_asked_cannot_be_let_in(database: Database, words: str) -> None:
    desk = await owned(database)
    assert "/pending" in await desk.ask(f"approve {words}")


async def test_without_an_owner_it_says_how_to_become_one(database: Database) -> None:
    desk = Desk(database)
    assert "/start CODE" in await desk.ask("start", EVE, user_id="66")
    code = await Chats(database).new_owner_code()
    assert "You are the owner" in await desk.ask(f"start {code}", EVE, user_id="66")
    # The owner in person brings the bot to other places, by the id that claimed it.
    assert "Hyperfade" in await desk.ask("start", GROUP, user_id="66")


async def test_on_discord_an_owner_is_known_by_who_claimed(database: Database) -> None:
    desk = Desk(database)
    code = await Chats(database).new_owner_code()
    await desk.ask(f"start {code}", BOB, user_id="9")
    channel = replace(GROUP, channel=Channel.DISCORD)
    assert "private bot" in await desk.ask("start", channel, user_id="8")
    assert "Hyperfade" in await desk.ask("start", channel, user_id="9")


async def test_a_crowd_of_strangers_does_not_bury_the_owner(database: Database) -> None:
    desk = await owned(database)
    for n in range(MOST_ASKED + 3):
        stranger = Target(Channel.TELEGRAM, str(1000 + n))
        assert "has been asked" in await desk.ask("start", stranger, user_id=stranger.chat)
    assert len(await queued(desk, ANN)) == MOST_ASKED
    assert len(await desk.stores.chats.pending()) == MOST_ASKED + 3


async def test_too_many_commands_get_one_line_and_then_silence(database: Database) -> None:
    desk = Desk(database, most_a_minute=20)
    await desk.let_in()
    for press in [False, True] * 10:
        assert await desk.ask("whoami", press=press)
    assert "Please wait a minute." in await desk.ask("whoami")
    assert await desk.ask("whoami", press=True) == ""
    await desk.let_in(GROUP)
    assert await desk.ask("whoami", GROUP) == ""
    assert await desk.ask("whoami", GROUP, user_id="8")
    desk.clock.at_ms += 60_000
    assert await desk.ask("whoami")


async def test_a_flood_of_strangers_or_declined_is_met_with_silence(database: Database) -> None:
    desk = Desk(database, most_a_minute=2)
    await desk.let_in(BOB, Role.DECLINED)
    for target, user_id in ((EVE, "66"), (BOB, "5")):
        for _ in range(2):
            await desk.ask("losers", target, user_id=user_id)
        assert await desk.ask("losers", target, user_id=user_id) == ""


async def test_the_code_makes_an_owner_of_who_is_let_in_already(database: Database) -> None:
    desk = Desk(database)
    await desk.let_in()
    await desk.stores.chats.subscribe(ANN, Subscription(None))
    assert "all coins" in await desk.ask("start WRONG")
    code = await Chats(database).new_owner_code()
    text = await desk.ask(f"start {code}")
    assert "You are the owner of this bot now." in text
    assert "all coins" in text
    assert (await desk.chat()).role is Role.OWNER


async def test_a_groups_topics_are_turned_out_and_let_in_with_it(database: Database) -> None:
    desk = await owned(database)
    topic = Target(Channel.TELEGRAM, GROUP.chat, "4")
    other = Target(Channel.TELEGRAM, "-101", "4")
    for target in (GROUP, topic, other):
        await desk.let_in(target)
    await desk.ask(f"decline {GROUP}")
    assert await desk.ask("losers", topic, user_id="8") == ""
    assert await desk.ask("losers", other, user_id="8")
    await desk.ask(f"approve {GROUP}")
    assert await desk.ask("losers", topic, user_id="8")
    await desk.ask(f"decline {topic}")
    assert await desk.ask("losers", GROUP, user_id="8")


async def test_a_channels_threads_are_turned_out_and_let_in_with_it_as_a_groups_topics_are(
    database: Database,
) -> None:
    desk = await owned(database)
    channel = Target(Channel.DISCORD, "-500")
    thread, other, fresh = (Target(Channel.DISCORD, f"-50{n}") for n in (1, 2, 3))
    await desk.let_in(channel)
    assert "Commands" in await desk.ask("help", thread, user_id="8", within=channel)
    await desk.stores.chats.subscribe(thread, Subscription(None))
    # One that was let in before it was known where it is.
    await desk.let_in(other)
    await desk.ask("help", other, user_id="8", within=channel)
    await publish(database, 1)
    assert "is declined" in await desk.ask(f"decline {channel}")
    for place in (thread, other, fresh):
        assert await desk.ask("start", place, user_id="8", within=channel) == ""
    assert [(await desk.chat(place)).role for place in (thread, other)] == [Role.DECLINED] * 2
    assert await desk.stores.chats.chat(fresh) is None
    assert await queued(desk, thread) == []
    await desk.ask(f"approve {channel}")
    for place in (thread, other, fresh):
        assert "Commands" in await desk.ask("help", place, user_id="8", within=channel)
    await desk.ask(f"decline {thread}")
    assert await desk.ask("help", thread, user_id="8", within=channel) == ""
    assert "Commands" in await desk.ask("help", channel, user_id="8")


async def test_a_thread_whose_place_is_heard_of_late_is_turned_out_with_its_channel(
    database: Database,
) -> None:
    desk = await owned(database)
    channel, thread = Target(Channel.DISCORD, "-500"), Target(Channel.DISCORD, "-501")
    for place in (channel, thread):
        await desk.let_in(place)
    await desk.stores.chats.subscribe(thread, Subscription(None))
    await publish(database, 1)
    await desk.ask(f"decline {channel}")
    assert await desk.ask("help", thread, user_id="8", within=channel) == ""
    assert (await desk.chat(thread)).role is Role.DECLINED
    assert await queued(desk, thread) == []
    # an owner may say otherwise of one thread
    await desk.ask(f"approve {thread}")
    assert "Commands" in await desk.ask("help", thread, user_id="8", within=channel)


async def test_a_thread_that_waits_is_let_in_with_its_channel(database: Database) -> None:
    desk = await owned(database)
    channel, thread = Target(Channel.DISCORD, "-500"), Target(Channel.DISCORD, "-501")
    for place, within in ((channel, None), (thread, channel)):
        assert "has been asked" in await desk.ask("start", place, user_id="8", within=within)
    await desk.ask(f"approve {channel}")
    assert "Commands" in await desk.ask("help", thread, user_id="8", within=channel)
    assert await desk.stores.chats.pending() == []
