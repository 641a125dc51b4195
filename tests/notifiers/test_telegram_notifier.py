"""Alerts on Telegram: a real python-telegram-bot against a loopback Bot API."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import telegram
from telegram.request import HTTPXRequest

from core.errors import (
    ChannelRefused,
    DeliveryError,
    MessageRefused,
    NotSent,
    OutcomeUnknown,
    TargetGone,
    TargetMoved,
)
from core.model.alerts import Alert, AlertKind, Channel, Delivered, Target
from core.ports import Notifier
from messages.alert_buttons import alert_buttons
from messages.limits import plain_text
from messages.presses import press_data
from messages.render import render_alert
from notifiers.telegram import TelegramNotifier
from tests.support import faults
from tests.support.chat_clients import telegram_bot
from tests.support.chat_facts import NOW_MS, make_alert
from tests.support.faults import Fault
from tests.support.telegram_server import TelegramServer, api_fault, too_many_requests

pytestmark = pytest.mark.asyncio

CHAT = 4242


@pytest_asyncio.fixture
async def notifier(telegram_server: TelegramServer) -> AsyncIterator[Notifier]:
    telegram_server.add_user(CHAT)
    async with telegram_bot(telegram_server, read_timeout_s=0.3) as bot:
        yield TelegramNotifier(bot)


def alert(kind: AlertKind = AlertKind.ENTRY, chat: object = CHAT, thread: str = "", **changes: Any) -> Alert:
    return make_alert(kind, Channel.TELEGRAM, target=Target(Channel.TELEGRAM, str(chat), thread), **changes)


async def test_entry_arrives_as_rendered(telegram_server: TelegramServer, notifier: Notifier) -> None:
    delivered = await notifier.send(alert(), NOW_MS)
    [message] = telegram_server.messages(CHAT)
    assert delivered == Delivered(str(message.message_id))
    assert message.source == render_alert(alert(), NOW_MS)
    assert message.text.split() == plain_text(message.source).split()
    [call] = telegram_server.calls_of("sendMessage")
    assert call.params["link_preview_options"] == {"is_disabled": True}


async def test_exit_answers_its_entry(telegram_server: TelegramServer, notifier: Notifier) -> None:
    entry = await notifier.send(alert(), NOW_MS)
    await notifier.send(alert(AlertKind.EXIT, reply_to=entry.remote_id), NOW_MS)
    first, second = telegram_server.messages(CHAT)
    assert second.reply_to == first.message_id
    assert second.text.startswith("Get out: SHORT BTC #K7Q2")


async def test_exit_comes_through_when_its_entry_is_gone(
    telegram_server: TelegramServer, notifier: Notifier
) -> None:
    await notifier.send(alert(AlertKind.EXIT, reply_to="999"), NOW_MS)
    [message] = telegram_server.messages(CHAT)
    assert message.reply_to is None


async def test_topic_gets_its_own_alerts(telegram_server: TelegramServer, notifier: Notifier) -> None:
    telegram_server.add_chat(-100, is_forum=True, topics=(12,))
    await notifier.send(alert(chat=-100, thread="12"), NOW_MS)
    [message] = telegram_server.messages(-100)
    assert message.thread_id == 12


async def test_alert_has_its_buttons(telegram_server: TelegramServer, notifier: Notifier) -> None:
    await notifier.send(alert(), NOW_MS)
    [message] = telegram_server.messages(CHAT)
    wanted = [(one.label, press_data(one)) for row in alert_buttons(alert()) for one in row]
    assert [(one.text, one.callback_data) for one in message.buttons] == wanted
    assert [len(row) for row in message.rows] == [len(row) for row in alert_buttons(alert())]


async def test_silent_alert_makes_no_sound(telegram_server: TelegramServer, notifier: Notifier) -> None:
    for is_silent in (True, False):
        await notifier.send(alert(is_silent=is_silent), NOW_MS)
    assert [one.silent for one in telegram_server.messages(CHAT)] == [True, False]


async def test_update_edits_its_entry(telegram_server: TelegramServer, notifier: Notifier) -> None:
    sent = await notifier.send(alert(), NOW_MS)
    later = alert(edits=True, reply_to=sent.remote_id, evidence="Another verdict.")
    assert await notifier.send(later, NOW_MS) == sent
    [message] = telegram_server.messages(CHAT)
    assert (message.edits, message.source) == (1, render_alert(later, NOW_MS))
    assert message.buttons
    # the same once more, as after an unknown outcome
    assert await notifier.send(later, NOW_MS) == sent
    assert message.edits == 1


async def test_update_of_a_message_that_is_gone_concerns_no_other(
    telegram_server: TelegramServer, notifier: Notifier
) -> None:
    theirs = await telegram_server.send_text(CHAT, "mine")
    for reply_to, why in (("999", "not found"), (str(theirs.message_id), "edited"), (None, "wasn't sent")):
        with pytest.raises(MessageRefused, match=why):
            await notifier.send(alert(edits=True, reply_to=reply_to), NOW_MS)
    assert telegram_server.messages(CHAT) == []


async def test_edited_markup_that_telegram_refuses_becomes_plain_text(
    telegram_server: TelegramServer, notifier: Notifier
) -> None:
    sent = await notifier.send(alert(), NOW_MS)
    telegram_server.fail(api_fault(400, "Bad Request: can't parse entities: x"), method="editMessageText")
    await notifier.send(alert(edits=True, reply_to=sent.remote_id), NOW_MS)
    [message] = telegram_server.messages(CHAT)
    assert (message.edits, "<b>" in message.source) == (1, False)


async def test_markup_that_telegram_refuses_is_sent_as_plain_text(
    telegram_server: TelegramServer, notifier: Notifier
) -> None:
    telegram_server.fail(api_fault(400, "Bad Request: can't parse entities: unsupported start tag"))
    await notifier.send(alert(), NOW_MS)
    [message] = telegram_server.messages(CHAT)
    assert "<b>" not in message.text
    assert message.text.startswith("Consider SHORT BTC")
    assert "parse_mode" not in telegram_server.calls_of("sendMessage")[-1].params


PROXY_PAGE = faults.bad_gateway(502)

ROWS: list[tuple[str, Fault, type[DeliveryError]]] = [
    ("slow down", too_many_requests(17), NotSent),
    ("blocked", api_fault(403, "Forbidden: bot was blocked by the user"), TargetGone),
    ("deactivated", api_fault(403, "Forbidden: user is deactivated"), TargetGone),
    ("kicked", api_fault(403, "Forbidden: bot was kicked from the supergroup chat"), TargetGone),
    (
        "migrated",
        api_fault(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1009),
        TargetMoved,
    ),
    ("no chat", api_fault(400, "Bad Request: chat not found"), TargetGone),
    ("no topic", api_fault(400, "Bad Request: message thread not found"), TargetGone),
    (
        "no rights",
        api_fault(400, "Bad Request: not enough rights to send text messages to the chat"),
        TargetGone,
    ),
    ("closed topic", api_fault(400, "Bad Request: TOPIC_CLOSED"), TargetGone),
    ("too long", api_fault(400, "Bad Request: message is too long"), MessageRefused),
    ("conflict", api_fault(409, "Conflict: terminated by other getUpdates request"), NotSent),
    ("wrong method", api_fault(404, "Not Found"), MessageRefused),
    ("proxy's page", PROXY_PAGE, OutcomeUnknown),
    ("500", api_fault(500, "Internal Server Error"), OutcomeUnknown),
    ("accepted, then 502", faults.bad_gateway(502, accepted=True), OutcomeUnknown),
    ("not JSON", faults.answer(200, "<html>hello</html>"), OutcomeUnknown),
    ("closed", faults.close(), OutcomeUnknown),
    ("reset", faults.reset(), OutcomeUnknown),
    ("silent", faults.stall(), OutcomeUnknown),
    ("accepted, then silent", faults.stall(accepted=True), OutcomeUnknown),
]


@pytest.mark.parametrize(("fault", "meaning"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_answer_has_its_meaning(
    telegram_server: TelegramServer, notifier: Notifier, fault: Fault, meaning: type[DeliveryError]
) -> None:
    telegram_server.fail(fault, method="sendMessage")
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(alert(), NOW_MS)
    assert type(caught.value) is meaning
    assert len(str(caught.value)) < 250
    assert len(telegram_server.calls_of("sendMessage")) == 1


EDIT_ROWS: list[tuple[str, Fault, type[DeliveryError]]] = [
    ("gone", api_fault(400, "Bad Request: message to edit not found"), MessageRefused),
    ("not ours", api_fault(400, "Bad Request: message can't be edited"), MessageRefused),
    ("picture", api_fault(400, "Bad Request: there is no text in the message to edit"), MessageRefused),
    ("wrong id", api_fault(400, "Bad Request: MESSAGE_ID_INVALID"), MessageRefused),
    ("no chat", api_fault(400, "Bad Request: chat not found"), TargetGone),
    ("blocked", api_fault(403, "Forbidden: bot was blocked by the user"), TargetGone),
    ("slow down", too_many_requests(17), NotSent),
    ("proxy's page", PROXY_PAGE, OutcomeUnknown),
    ("closed", faults.close(accepted=True), OutcomeUnknown),
]


@pytest.mark.parametrize(
    ("fault", "meaning"), [row[1:] for row in EDIT_ROWS], ids=[row[0] for row in EDIT_ROWS]
)
async def test_answer_to_an_edit_has_its_meaning(
    telegram_server: TelegramServer, notifier: Notifier, fault: Fault, meaning: type[DeliveryError]
) -> None:
    sent = await notifier.send(alert(), NOW_MS)
    telegram_server.fail(fault, method="editMessageText")
    with pytest.raises(DeliveryError) as caught:
        await notifier.send(alert(edits=True, reply_to=sent.remote_id, evidence="Changed."), NOW_MS)
    assert type(caught.value) is meaning


async def test_no_connection_in_time_is_surely_not_sent(telegram_server: TelegramServer) -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for waiting in (first, second):  # the queue of one is full, the next gets no answer
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        request = HTTPXRequest(connect_timeout=0.2)
        base_url = f"http://127.0.0.1:{deaf.getsockname()[1]}/bot"
        bot = telegram.Bot(telegram_server.token, base_url=base_url, request=request)
        try:
            with pytest.raises(NotSent, match="ConnectTimeout"):
                await TelegramNotifier(bot).send(alert(), NOW_MS)
        finally:
            await request.shutdown()


async def test_no_free_connection_in_time_is_surely_not_sent(telegram_server: TelegramServer) -> None:
    telegram_server.add_user(CHAT)
    telegram_server.fail(faults.stall(), method="sendMessage")
    request = HTTPXRequest(connection_pool_size=1, pool_timeout=0.1)
    bot = telegram.Bot(telegram_server.token, base_url=telegram_server.base_url, request=request)
    try:
        stalled = asyncio.create_task(TelegramNotifier(bot).send(alert(), NOW_MS))
        await telegram_server.wait_for(lambda: telegram_server.calls_of("sendMessage"))
        with pytest.raises(NotSent, match="PoolTimeout"):
            await TelegramNotifier(bot).send(alert(), NOW_MS)
        stalled.cancel()
        await asyncio.wait([stalled])
    finally:
        await request.shutdown()
    assert telegram_server.messages(CHAT) == []


async def test_waits_and_new_ids_are_carried(telegram_server: TelegramServer, notifier: Notifier) -> None:
    telegram_server.fail(too_many_requests(17))
    with pytest.raises(NotSent) as slow:
        await notifier.send(alert(), NOW_MS)
    assert slow.value.retry_after_s == 17
    telegram_server.add_chat(-5, type="group")
    telegram_server.migrate(-5, -1005)
    with pytest.raises(TargetMoved) as moved:
        await notifier.send(alert(chat=-5), NOW_MS)
    assert moved.value.new_target == "-1005"


async def test_refused_connection_is_surely_not_sent(
    telegram_server: TelegramServer, notifier: Notifier
) -> None:
    await telegram_server.close()
    with pytest.raises(NotSent, match="can't be reached"):
        await notifier.send(alert(), NOW_MS)


async def test_wrong_token_stops_the_channel_and_is_in_no_text(
    telegram_server: TelegramServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="telegram")
    token = "987654321:AAsecret-secret-secret-secret-secret"
    async with telegram_bot(telegram_server, token) as bot:
        with pytest.raises(ChannelRefused) as caught:
            await TelegramNotifier(bot).send(alert(), NOW_MS)
    assert "HYPERFADE_TELEGRAM_TOKEN" in str(caught.value)
    error: BaseException | None = caught.value
    while error is not None:
        assert "secret" not in str(error)
        error = error.__cause__
    ours = [record.getMessage() for record in caplog.records if record.name != "httpx"]
    assert not [words for words in ours if "secret" in words]
