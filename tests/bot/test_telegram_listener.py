"""Listening on Telegram: whom the bot answers, where it is welcome, and what stops it."""

import asyncio
import json
import logging

import pytest
from structlog.testing import capture_logs

from bot.telegram import AT_ONCE
from core.errors import ChannelRefused, StorageError
from core.model.alerts import Channel, Target
from core.model.chats import Role
from tests.support import faults
from tests.support.telegram_listening import ANN, GROUP, Seen, group, listening
from tests.support.telegram_script import Script, press
from tests.support.telegram_server import TelegramServer, api_fault, too_many_requests

pytestmark = pytest.mark.asyncio


async def test_menu_is_registered_once_and_only_when_it_changed(telegram_server: TelegramServer) -> None:
    for _ in range(2):
        async with listening(telegram_server) as desk:
            await telegram_server.ask(ANN, "/help")
            everything = [one.name for one in desk.commands.commands if not one.for_owners]
    menus = {
        json.loads(scope)["type"]: [one["command"] for one in menu]
        for (scope, _), menu in telegram_server.commands.items()
    }
    assert menus["default"] == menus["all_chat_administrators"] == everything
    assert "losers" in menus["all_group_chats"]
    assert "subscribe" not in menus["all_group_chats"]
    assert len(telegram_server.calls_of("setMyCommands")) == 3


async def test_server_without_a_menu_is_only_a_warning(telegram_server: TelegramServer) -> None:
    telegram_server.fail(api_fault(404, "Not Found"), method="getMyCommands", times=None)
    async with listening(telegram_server):
        assert "Commands" in (await telegram_server.ask(ANN, "/help")).text


async def test_only_what_is_meant_for_this_bot_is_answered(telegram_server: TelegramServer) -> None:
    telegram_server.privacy_mode = False
    telegram_server.add_chat(GROUP)
    async with listening(telegram_server, prepare=group):
        for text in (
            "/losers@other_bot",
            "/somebody_elses_command",
            "hello",
            "see /losers",
        ):
            await telegram_server.send_text(ANN, text, GROUP)
        answer = await telegram_server.ask(ANN, "/losers@hyperfade_test_bot 2", GROUP)
        assert "The most reliable losers" in answer.text
        typo = await telegram_server.ask(ANN, "/loosers@hyperfade_test_bot", GROUP)
        assert "Did you mean /losers?" in typo.text
        ours = [one for one in telegram_server.messages(GROUP) if one.sender.is_bot]
        assert ours == [answer, typo]


async def test_group_answers_reply_to_their_command_and_stay_in_their_topic(
    telegram_server: TelegramServer,
) -> None:
    telegram_server.add_chat(GROUP, is_forum=True, topics=(3,))
    async with listening(telegram_server, prepare=group) as desk:
        answer = await telegram_server.ask(ANN, "/help@hyperfade_test_bot", GROUP, thread_id=3)
        assert answer.thread_id == 3
        assert answer.reply_to is not None
        assert Target(Channel.TELEGRAM, str(GROUP), "3") in desk.chats.rows


async def test_only_group_administrators_subscribe(telegram_server: TelegramServer) -> None:
    telegram_server.add_chat(GROUP)
    async with listening(telegram_server, prepare=group) as desk:
        refused = await telegram_server.ask(ANN, "/subscribe@hyperfade_test_bot BTC", GROUP)
        assert "only its administrators" in refused.text
        telegram_server.set_member(GROUP, ANN, "administrator")
        done = await telegram_server.ask(ANN, "/subscribe@hyperfade_test_bot BTC", GROUP)
        assert "Subscribed." in done.text
        assert desk.chats.rows[Target(Channel.TELEGRAM, str(GROUP))].subscriptions


async def test_administrators_that_telegram_hides_are_said_not_to_be_known(
    telegram_server: TelegramServer,
) -> None:
    telegram_server.add_chat(GROUP)
    async with listening(telegram_server, prepare=group):
        hidden = api_fault(400, "Bad Request: member list is inaccessible")
        telegram_server.fail(hidden, method="getChatMember")
        answer = await telegram_server.ask(ANN, "/subscribe@hyperfade_test_bot BTC", GROUP)
        assert "can't be answered now" in answer.text


async def test_post_in_a_channels_name_changes_nothing(telegram_server: TelegramServer) -> None:
    telegram_server.add_chat(GROUP, type="channel")
    async with listening(telegram_server, prepare=group):
        post = await telegram_server.ask(ANN, "/subscribe BTC", GROUP)
        assert "Only administrators can change" in post.text


async def test_anonymous_administrator_changes_nothing(telegram_server: TelegramServer) -> None:
    chat = telegram_server.add_chat(GROUP)
    anonymous = telegram_server.add_user(1_087_968_824, "Group", "GroupAnonymousBot")
    telegram_server.set_member(GROUP, anonymous.id, "administrator")
    text = "/subscribe@hyperfade_test_bot BTC"
    async with listening(telegram_server, prepare=group):
        telegram_server.updates.put(
            "message",
            {
                "message_id": 1,
                "date": 1,
                "chat": chat.wire(),
                "from": anonymous.wire(),
                "sender_chat": chat.wire(),
                "text": text,
                "entities": [{"type": "bot_command", "offset": 0, "length": len(text) - 4}],
            },
        )
        answer = await telegram_server.wait_for_message(GROUP)
        assert "Only administrators" in answer.text


async def test_more_commands_than_slots_are_all_answered(telegram_server: TelegramServer) -> None:
    people = range(100, 100 + AT_ONCE + 5)
    async with listening(telegram_server) as desk:
        for person in people:
            desk.chats.let_in(Target(Channel.TELEGRAM, str(person)))
            await telegram_server.send_text(person, "/help")
        await telegram_server.wait_for(lambda: all(telegram_server.messages(person) for person in people))


async def test_blocked_and_unblocked_switch_the_chat_off_and_on(telegram_server: TelegramServer) -> None:
    place = Target(Channel.TELEGRAM, str(ANN))
    telegram_server.add_user(ANN)
    async with listening(telegram_server) as desk:
        await telegram_server.ask(ANN, "/help")
        telegram_server.block(ANN)
        await telegram_server.wait_for(lambda: desk.chats.rows[place].disabled_reason is not None)
        telegram_server.unblock(ANN)
        await telegram_server.wait_for(lambda: desk.chats.rows[place].disabled_reason is None)


async def test_migrated_group_keeps_its_subscriptions(telegram_server: TelegramServer) -> None:
    telegram_server.add_chat(GROUP, type="group")
    async with listening(telegram_server, prepare=group) as desk:
        telegram_server.migrate(GROUP, -1_005)
        await telegram_server.wait_for(lambda: Target(Channel.TELEGRAM, "-1005") in desk.chats.rows)
        assert Target(Channel.TELEGRAM, str(GROUP)) not in desk.chats.rows


async def test_slow_down_is_obeyed_and_the_answer_comes(telegram_server: TelegramServer) -> None:
    async with listening(telegram_server) as desk:
        telegram_server.fail(too_many_requests(3), method="sendMessage")
        assert "Commands" in (await telegram_server.ask(ANN, "/help")).text
        assert desk.naps.asked == [3.0]


async def test_refused_markup_is_answered_in_plain_text(telegram_server: TelegramServer) -> None:
    async with listening(telegram_server):
        telegram_server.fail(api_fault(400, "Bad Request: can't parse entities: oops"), method="sendMessage")
        message = await telegram_server.ask(ANN, "/help")
        assert message.text == message.source
        assert "Commands" in message.text


async def test_outage_is_survived(telegram_server: TelegramServer) -> None:
    telegram_server.fail(faults.bad_gateway(502), method="getMe", times=2)
    async with listening(telegram_server) as desk:
        await telegram_server.ask(ANN, "/help")
        telegram_server.fail(faults.close(), method="getUpdates", times=3)
        await telegram_server.ask(ANN, "/help")
        await telegram_server.wait_for(lambda: len(desk.naps.asked) >= 2)
        assert desk.naps.asked[:2] == [1.0, 2.0]
        assert not desk.task.done()


async def test_second_poller_is_named(telegram_server: TelegramServer) -> None:
    conflict = api_fault(409, "Conflict: terminated by other getUpdates request")
    async with listening(telegram_server):
        await telegram_server.ask(ANN, "/help")
        telegram_server.fail(conflict, method="getUpdates")
        with capture_logs() as logs:
            await telegram_server.ask(ANN, "/help")
            await telegram_server.ask(ANN, "/help")
    assert "another process polls Telegram with this bot's token" in str(logs)


async def test_wrong_token_stops_the_listener_and_is_never_shown(
    telegram_server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="telegram")
    token = "987654321:AAsecret-secret-secret-secret-secret"
    with capture_logs() as logs:
        async with listening(telegram_server, token) as desk:
            with pytest.raises(ChannelRefused, match="HYPERFADE_TELEGRAM_TOKEN"):
                await desk.task
    shown = "".join(record.getMessage() for record in caplog.records if record.name != "httpx")
    assert "secret" not in f"{shown} {logs}"


async def test_token_revoked_while_listening_stops_the_listener(telegram_server: TelegramServer) -> None:
    async with listening(telegram_server) as desk:
        await telegram_server.ask(ANN, "/help")
        telegram_server.fail(api_fault(401, "Unauthorized"), times=None)
        with pytest.raises(ChannelRefused):
            await asyncio.wait_for(desk.task, 10)


async def test_what_was_read_is_not_answered_again_after_a_restart(telegram_server: TelegramServer) -> None:
    async with listening(telegram_server):
        await telegram_server.ask(ANN, "/help")
    async with listening(telegram_server):
        await telegram_server.ask(ANN, "/status")
    assert len([one for one in telegram_server.messages(ANN) if one.sender.is_bot]) == 2
    last = telegram_server.calls_of("getUpdates")[-1].params
    assert last.get("timeout", 0) == 0
    assert last["offset"] > 0


async def test_update_that_cannot_be_read_is_skipped_with_one_line(telegram_server: TelegramServer) -> None:
    async with listening(telegram_server):
        await telegram_server.ask(ANN, "/help")
        with capture_logs() as logs:
            bad = telegram_server.updates.put("message", {"text": "no id, no chat, no date"})
            assert "Commands" in (await telegram_server.ask(ANN, "/help")).text
    assert bad is not None
    assert [(one["event"], one["update"]) for one in logs] == [
        ("unreadable telegram update skipped", bad["update_id"])
    ]
    assert bad not in telegram_server.updates.pending


async def test_server_that_is_no_bot_api_is_waited_for(telegram_server: TelegramServer) -> None:
    for body in ({"ok": True, "result": [{"message": {}}]}, {"ok": True, "result": {"update_id": 1}}):
        telegram_server.fail(faults.answer(200, body), method="getUpdates")
    async with listening(telegram_server) as desk:
        assert "Commands" in (await telegram_server.ask(ANN, "/help")).text
        assert desk.naps.asked == [1.0, 2.0]


async def test_update_that_comes_again_is_handled_once_also_after_a_restart(
    telegram_server: TelegramServer,
) -> None:
    script, seen = Script(), Seen()
    async with listening(telegram_server, scripted=script.commands(), seen=seen):
        page = await telegram_server.ask(ANN, "/page")
        await press(telegram_server, page, "Set")
    for update in telegram_server.updates.all[:2]:
        telegram_server.updates.put_again(update)
    async with listening(telegram_server, scripted=script.commands(), seen=seen):
        await telegram_server.ask(ANN, "/page 3")
    assert [name for name, _ in script.asked] == ["page", "set", "page"]


async def test_database_that_is_away_keeps_no_answer_back(telegram_server: TelegramServer) -> None:
    async with listening(telegram_server, seen=Seen(failure=StorageError("away"))):
        assert "Commands" in (await telegram_server.ask(ANN, "/help")).text


async def test_fault_in_one_command_is_logged_and_the_next_is_answered(
    telegram_server: TelegramServer,
) -> None:
    async with listening(telegram_server) as desk:
        desk.chats.failure = ZeroDivisionError("a fault of ours")
        with capture_logs() as logs:
            await telegram_server.send_text(ANN, "/help")
            await telegram_server.wait_for(lambda: "telegram command failed" in str(logs))
        desk.chats.failure = None
        assert "Commands" in (await telegram_server.ask(ANN, "/help")).text


async def test_owner_role_is_kept_when_an_owner_blocks_and_returns(telegram_server: TelegramServer) -> None:
    place = Target(Channel.TELEGRAM, str(ANN))
    telegram_server.add_user(ANN)
    async with listening(telegram_server, prepare=lambda chats: chats.let_in(place, Role.OWNER)) as desk:
        telegram_server.block(ANN)
        await telegram_server.wait_for(lambda: desk.chats.rows[place].disabled_reason is not None)
        telegram_server.unblock(ANN)
        await telegram_server.ask(ANN, "/help")
        assert desk.chats.rows[place].role is Role.OWNER
