"""Who may hear what is remembered, and a code makes an owner once."""

import asyncio

import pytest

from core.errors import StorageError
from core.model.alerts import Channel, Target
from core.model.chats import Role, Subscription
from core.model.market import Coin
from core.model.notices import RequestFacts
from core.ports import ChatStore
from storage.chats import CODE_LENGTH, Chats
from storage.database import Database
from storage.notices import Notices
from storage.outbox import Outbox
from storage.wishes import Wishes
from tests.support.facts import LOSER, MONDAY_MS
from tests.support.published import ANNA, BEN, CONSOLE, add_member, end, publish, silence_console

pytestmark = pytest.mark.asyncio


async def test_the_terminal_hears_everything_from_the_start(database: Database) -> None:
    chat = await Chats(database).chat(CONSOLE)
    assert chat is not None
    assert (chat.role, chat.subscriptions, chat.disabled_reason) == (Role.OWNER, (Subscription(None),), None)


async def test_a_known_chat_keeps_its_role_and_gets_its_new_title(database: Database) -> None:
    chats: ChatStore = Chats(database)
    assert await chats.chat(ANNA) is None
    first = await chats.add_chat(ANNA, Role.PENDING, "Anna")
    assert (first.target, first.role, first.title, first.subscriptions) == (ANNA, Role.PENDING, "Anna", ())
    await chats.set_role(ANNA, Role.MEMBER)
    again = await chats.add_chat(ANNA, Role.PENDING, "Anna B.")
    assert (again.role, again.title) == (Role.MEMBER, "Anna B.")
    assert await chats.chat(ANNA) == again


async def test_a_topic_is_a_chat_of_its_own(database: Database) -> None:
    chats = Chats(database)
    await chats.add_chat(BEN, Role.MEMBER, "topic")
    assert await chats.chat(Target(BEN.channel, BEN.chat)) is None


async def test_subscriptions_are_one_per_coin_and_changed_by_repeating(database: Database) -> None:
    chats = Chats(database)
    await chats.add_chat(ANNA, Role.MEMBER, "Anna")
    btc, everything = Coin("BTC"), Subscription(None)
    for wanted in (Subscription(btc), everything, Subscription(btc, 5_000.0, 60.0)):
        await chats.subscribe(ANNA, wanted)
    chat = await chats.chat(ANNA)
    assert chat is not None
    assert chat.subscriptions == (everything, Subscription(btc, 5_000.0, 60.0))
    assert await chats.unsubscribe(ANNA, Coin("ETH")) == 0
    assert await chats.unsubscribe(ANNA, btc) == 1
    await chats.subscribe(ANNA, Subscription(btc))
    assert await chats.unsubscribe(ANNA, None) == 2


async def test_nobody_unknown_can_subscribe(database: Database) -> None:
    with pytest.raises(StorageError):
        await Chats(database).subscribe(ANNA, Subscription(None))


async def test_a_code_works_once_for_whoever_is_first(database: Database) -> None:
    chats = Chats(database)
    assert await chats.owners() == []
    code = await chats.new_owner_code()
    assert len(code) == CODE_LENGTH
    assert not await chats.claim_owner(ANNA, "half a sign: \ud800", "Anna")
    assert not await chats.claim_owner(ANNA, code[:-1] + ("A" if code[-1] != "A" else "B"), "Anna")
    tries = [chats.claim_owner(target, f" {code.lower()} ", "first") for target in (ANNA, BEN)]
    assert sorted(await asyncio.gather(*tries)) == [False, True]
    assert not await chats.claim_owner(ANNA, code, "again")
    [owner] = await chats.owners()
    assert owner.role is Role.OWNER


async def test_a_new_code_replaces_the_old_one(database: Database) -> None:
    chats = Chats(database)
    old, new = await chats.new_owner_code(), await chats.new_owner_code()
    assert not await chats.claim_owner(ANNA, old, "Anna")
    assert await chats.claim_owner(ANNA, new, "Anna")


async def test_the_code_itself_is_nowhere_in_the_database(database: Database) -> None:
    code = await Chats(database).new_owner_code()
    async with database.connection() as connection:
        rows = await connection.fetch("select code_hash from owner_codes")
    assert len(rows) == 1
    assert code.encode() not in rows[0]["code_hash"]


async def test_a_chat_that_waited_becomes_owner_by_the_code(database: Database) -> None:
    chats = Chats(database)
    await chats.add_chat(ANNA, Role.PENDING, "Anna")
    assert await chats.claim_owner(ANNA, await chats.new_owner_code(), "Anna")
    assert [chat.target for chat in await chats.owners()] == [ANNA]


async def test_a_chat_is_switched_off_and_on(database: Database) -> None:
    chats = Chats(database)
    await chats.add_chat(ANNA, Role.MEMBER, "Anna")
    await Outbox(database).disable_target(ANNA, "blocked")
    await chats.enable(ANNA)
    chat = await chats.chat(ANNA)
    assert chat is not None
    assert chat.disabled_reason is None


async def test_a_declined_chat_is_remembered_and_waits_no_more(database: Database) -> None:
    chats = Chats(database)
    await chats.add_chat(ANNA, Role.PENDING, "Anna")
    await chats.note_asker(ANNA, "101")
    assert [(one.target, one.asked_by) for one in await chats.pending()] == [(ANNA, "101")]
    await chats.set_role(ANNA, Role.DECLINED)
    assert await chats.pending() == []
    chat = await chats.chat(ANNA)
    assert chat is not None
    assert chat.role is Role.DECLINED


async def test_a_forgotten_chat_leaves_bare_rows_and_hears_nothing_more(database: Database) -> None:
    await silence_console(database)
    chats, outbox = Chats(database), Outbox(database)
    await add_member(database, ANNA, Subscription(None))
    await Wishes(database).follow(ANNA, LOSER, "whale")
    await Wishes(database).mute(ANNA, "ETH", MONDAY_MS)
    await Notices(database).ask_owner(RequestFacts(str(ANNA), "Anna B.", "101"), MONDAY_MS)
    await publish(database, 1, 2)
    [entry] = await outbox.lease([Channel.TELEGRAM], 9, 60, "me")
    await outbox.sending(entry.alert_id, "me")
    await outbox.sent(entry.alert_id, "55", MONDAY_MS)
    await outbox.add_test(ANNA, MONDAY_MS)

    await chats.forget(ANNA)

    assert await chats.chat(ANNA) is None
    await end(database, 1, 2)
    assert await outbox.lease([Channel.TELEGRAM], 9, 60, "me") == []
    async with database.connection() as connection:
        kept = await connection.fetch(
            "select kind, state, remote_id, facts from alerts where chat = '101' order by alert_id"
        )
        assert [tuple(row) for row in kept] == [
            ("entry", "sent", "55", None),
            ("entry", "dead", None, None),
        ]
        asked = await connection.fetch("select facts from alerts where kind = 'request'")
        assert len(asked) == 1
        assert b"Anna" not in asked[0]["facts"]
        for table in ("subscriptions", "follows", "mutes", "outbox"):
            found = await connection.fetchval(f"select count(*) from {table} where chat = '101'")
            assert found == 0, table


async def test_entries_merged_for_a_forgotten_chat_wait_no_more(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, Subscription(None))
    await publish(database, 1, 2, 3)
    assert await Outbox(database).merge(ANNA, 1, MONDAY_MS) == 2
    await Chats(database).forget(ANNA)
    async with database.connection() as connection:
        states = await connection.fetch("select distinct kind, state from alerts where chat = '101'")
    assert [tuple(row) for row in states] == [("entry", "dead")]


async def test_what_was_being_sent_to_a_forgotten_chat_may_still_arrive(database: Database) -> None:
    await silence_console(database)
    outbox = Outbox(database)
    await add_member(database, ANNA, Subscription(None))
    await publish(database, 1)
    [entry] = await outbox.lease([Channel.TELEGRAM], 9, 60, "me")
    await outbox.sending(entry.alert_id, "me")
    await Chats(database).forget(ANNA)
    await outbox.retry(entry.alert_id, "flood", 0)
    assert await outbox.lease([Channel.TELEGRAM], 9, 60, "me") == []
    await outbox.sent(entry.alert_id, "56", MONDAY_MS)
    states = await outbox.states([entry.alert_id])
    assert states[entry.alert_id][0] == "sent"
