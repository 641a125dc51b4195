"""Buttons on Telegram: who may press, where the answer appears, and what a forged press gets."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from core.model.alerts import Channel, Target
from core.model.buttons import Button
from core.model.chats import Role
from messages.telegram_keyboard import telegram_keyboard
from tests.support.telegram_listening import ANN, GROUP, Desk, group, listening
from tests.support.telegram_script import PNG, Script, key, last, press, press_data
from tests.support.telegram_server import TelegramServer, api_fault, too_many_requests

pytestmark = pytest.mark.asyncio

BOB = 8


@pytest_asyncio.fixture
async def script() -> Script:
    return Script()


@pytest_asyncio.fixture
async def desk(telegram_server: TelegramServer, script: Script) -> AsyncIterator[Desk]:
    async with listening(telegram_server, prepare=group, scripted=script.commands()) as desk:
        yield desk


async def test_button_that_edits_turns_the_page_in_place(
    telegram_server: TelegramServer, desk: Desk, script: Script
) -> None:
    page = await telegram_server.ask(ANN, "/page")
    assert await press(telegram_server, page, "Next") == {"text": "", "show_alert": False}
    assert (page.source, page.edits, len(telegram_server.messages(ANN))) == ("<b>page 2</b>", 1, 1)
    assert key(page, "Next") == "=page 3"
    name, request = script.asked[-1]
    assert (name, request.words, request.user_id, request.is_press) == ("page", ("2",), str(ANN), True)
    assert request.target == Target(Channel.TELEGRAM, str(ANN))


async def test_refresh_without_news_is_a_success(telegram_server: TelegramServer, desk: Desk) -> None:
    page = await telegram_server.ask(ANN, "/page")
    assert (await press(telegram_server, page, "Refresh"))["text"] == ""
    assert (page.edits, len(telegram_server.messages(ANN))) == (0, 1)
    assert len(telegram_server.calls_of("editMessageText")) == 1


async def test_button_that_adds_is_answered_below(telegram_server: TelegramServer, desk: Desk) -> None:
    page = await telegram_server.ask(ANN, "/page")
    await press(telegram_server, page, "Other")
    assert (page.edits, last(telegram_server).text, last(telegram_server).reply_to) == (0, "page 11", None)


async def test_button_works_after_a_restart(telegram_server: TelegramServer, script: Script) -> None:
    async with listening(telegram_server, scripted=script.commands()):
        page = await telegram_server.ask(ANN, "/page")
    async with listening(telegram_server, scripted=script.commands()):
        await press(telegram_server, page, "Next")
    assert page.text == "page 2"


async def test_words_over_the_chat_leave_the_message(telegram_server: TelegramServer, desk: Desk) -> None:
    page = await telegram_server.ask(ANN, "/page")
    assert await press(telegram_server, page, "Say") == {"text": "Muted <BTC>.", "show_alert": False}
    assert (page.edits, len(telegram_server.messages(ANN))) == (0, 1)
    typed = await telegram_server.ask(ANN, "/say")
    assert typed.text == "Muted <BTC>."


async def test_question_with_buttons_is_a_message_also_after_a_press(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    page = await telegram_server.ask(ANN, "/page")
    await press_data(telegram_server, page, "+ask", forged=True)
    assert last(telegram_server).text == "Which coin?"
    await press(telegram_server, last(telegram_server), "BTC")
    assert last(telegram_server).text == "page 5"


async def test_long_refusal_is_cut_and_waits_to_be_read(telegram_server: TelegramServer, desk: Desk) -> None:
    page = await telegram_server.ask(ANN, "/page")
    answer = await press_data(telegram_server, page, "=fail", forged=True)
    assert answer["show_alert"]
    assert len(answer["text"]) <= 200
    assert answer["text"].startswith("That is no coin.")
    assert page.edits == 0


async def test_picture_comes_with_its_words_and_buttons(telegram_server: TelegramServer, desk: Desk) -> None:
    chart = await telegram_server.ask(ANN, "/chart one")
    assert chart.file is not None
    assert (chart.file.name, chart.file.data[:8], chart.text) == ("equity.png", PNG[:8], "chart one")
    assert [one.text for one in chart.buttons] == ["Again", "Text", "Long"]
    await press(telegram_server, chart, "Again")
    assert (chart.text, chart.edits) == ("chart again", 1)
    assert chart.file.data.endswith(b"again")
    await press(telegram_server, chart, "Again")
    assert len(telegram_server.messages(ANN)) == 1


async def test_picture_can_take_the_place_of_text_but_not_text_of_a_picture(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    message = await telegram_server.ask(ANN, "/page")
    await press(telegram_server, message, "Chart")
    assert message.file is not None
    assert message.text == "chart"
    await press(telegram_server, message, "Text")
    assert (message.text, last(telegram_server).text) == ("chart", "page 1")


async def test_words_too_long_for_a_caption_follow_their_picture(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    await telegram_server.send_text(ANN, "/chart long")
    text = await telegram_server.wait_for_message(ANN, "long & long")
    picture = telegram_server.messages(ANN)[0]
    assert (picture.text, picture.buttons) == ("Equity <over> 30 days", [])
    assert picture.file is not None
    assert text.file is None
    assert [one.text for one in text.buttons] == ["Again", "Text", "Long"]
    assert text.reply_to == picture.message_id


@pytest.mark.parametrize("chat_id", [ANN, GROUP])
async def test_refresh_changes_a_picture_and_its_words_where_they_are(
    telegram_server: TelegramServer, desk: Desk, chat_id: int
) -> None:
    await telegram_server.send_text(ANN, "/chart@hyperfade_test_bot long", chat_id)
    text = await telegram_server.wait_for_message(chat_id, "long & long")
    picture = telegram_server.messages(chat_id)[0]
    for number, word in enumerate(("anew", "again"), 1):
        await press_data(telegram_server, text, f"=chart long {word}", forged=True, user_id=ANN)
        assert (text.edits, picture.edits, len(telegram_server.messages(chat_id))) == (number, number, 2)
        assert text.text.endswith(word)
        assert picture.file is not None
        assert picture.file.data.endswith(word.encode())
    assert picture.buttons == []
    # Short enough for a caption now, or without a picture: still where it was.
    await press_data(telegram_server, text, "=chart short", forged=True, user_id=ANN)
    await press_data(telegram_server, text, "=page 3", forged=True, user_id=ANN)
    assert (text.text, len(telegram_server.messages(chat_id))) == ("page 3", 2)


async def test_words_are_changed_though_their_picture_must_not_be(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    await telegram_server.send_text(ANN, "/chart long")
    text = await telegram_server.wait_for_message(ANN, "long & long")
    for words in ("not enough rights to send photos to the chat", "message to edit not found"):
        refusal = api_fault(400, f"Bad Request: {words}")
        telegram_server.fail(refusal, method="editMessageMedia")
        await press_data(telegram_server, text, f"=chart long {len(words)}", forged=True)
        assert text.text.endswith(str(len(words)))
    assert (text.edits, len(telegram_server.messages(ANN))) == (2, 2)


async def test_words_that_came_without_their_picture_come_with_it_once(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    page = await telegram_server.ask(ANN, "/page")
    refusal = api_fault(400, "Bad Request: not enough rights to send photos to the chat")
    telegram_server.fail(refusal, method="sendPhoto")
    await press(telegram_server, page, "Long")
    assert (page.edits, len(telegram_server.messages(ANN))) == (1, 1)
    await press(telegram_server, page, "Long")
    _, picture, text = telegram_server.messages(ANN)
    assert text.reply_to == picture.message_id
    await press_data(telegram_server, text, "=chart long anew", forged=True)
    assert (text.edits, picture.edits, len(telegram_server.messages(ANN))) == (1, 1, 3)


async def test_answer_to_a_press_under_a_picture_leaves_that_picture_alone(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    await telegram_server.send_text(ANN, "/chart@hyperfade_test_bot one", GROUP)
    chart = await telegram_server.wait_for_message(GROUP, "chart one")
    await press_data(telegram_server, chart, "+page 5", forged=True, user_id=ANN)
    page = last(telegram_server, GROUP)
    assert page.reply_to == chart.message_id
    await press_data(telegram_server, page, "=chart two", forged=True, user_id=ANN)
    assert (chart.text, chart.edits) == ("chart one", 0)
    assert page.text == "chart two"


async def test_group_without_pictures_gets_the_words(telegram_server: TelegramServer, desk: Desk) -> None:
    refusal = api_fault(400, "Bad Request: not enough rights to send photos to the chat")
    telegram_server.fail(refusal, method="sendPhoto")
    message = await telegram_server.ask(ANN, "/chart one")
    assert (message.text, message.file) == ("chart one", None)
    assert message.buttons


async def test_message_that_cannot_be_edited_is_answered_below(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    page = await telegram_server.ask(ANN, "/page")
    for words in ("message can't be edited", "message to edit not found", "MESSAGE_ID_INVALID"):
        telegram_server.fail(api_fault(400, f"Bad Request: {words}"), method="editMessageText")
        await press(telegram_server, page, "Next")
        assert last(telegram_server).text == "page 2"
    assert (page.edits, len(telegram_server.messages(ANN))) == (0, 4)


async def test_button_of_a_message_that_is_gone_is_answered_below(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    page = await telegram_server.ask(ANN, "/page")
    data = key(page, "Next")
    page.deleted = True
    await press_data(telegram_server, page, data, forged=True)
    [answer] = telegram_server.messages(ANN)
    assert answer.text == "page 2"
    assert not telegram_server.calls_of("editMessageText")


async def test_button_of_a_topics_message_that_is_gone_changes_no_other_topic(
    telegram_server: TelegramServer, desk: Desk, script: Script
) -> None:
    telegram_server.add_chat(GROUP, is_forum=True, topics=(3,))
    telegram_server.set_member(GROUP, ANN, "administrator")
    page = await telegram_server.ask(ANN, "/page@hyperfade_test_bot", GROUP, thread_id=3)
    data = key(page, "Set")
    page.deleted = True
    answer = await press_data(telegram_server, page, data, user_id=ANN, forged=True)
    assert "too old to tell its topic" in answer["text"]
    assert [name for name, _ in script.asked] == ["page"]


async def test_press_of_long_ago_is_ignored_and_done(telegram_server: TelegramServer, desk: Desk) -> None:
    page = await telegram_server.ask(ANN, "/page")
    with capture_logs() as logs:
        pressed = await telegram_server.press(page, key(page, "Next"))
        pressed.expired = True
        await telegram_server.wait_for(lambda: telegram_server.calls_of("answerCallbackQuery"))
        await telegram_server.ask(ANN, "/page")
    assert page.text == "page 2"
    assert logs == []


async def test_slow_down_while_editing_is_obeyed(telegram_server: TelegramServer, desk: Desk) -> None:
    page = await telegram_server.ask(ANN, "/page")
    telegram_server.fail(too_many_requests(4), method="editMessageText")
    await press(telegram_server, page, "Next")
    assert (page.text, desk.naps.asked) == ("page 2", [4.0])


async def test_refused_markup_is_edited_in_as_plain_text(telegram_server: TelegramServer, desk: Desk) -> None:
    page = await telegram_server.ask(ANN, "/page")
    telegram_server.fail(api_fault(400, "Bad Request: can't parse entities: x"), method="editMessageText")
    await press(telegram_server, page, "Next")
    assert page.source == "page 2"


async def test_fault_under_a_button_is_told_and_logged(telegram_server: TelegramServer, desk: Desk) -> None:
    page = await telegram_server.ask(ANN, "/page")
    with capture_logs() as logs:
        answer = await press_data(telegram_server, page, "=fail oddly", forged=True)
        await telegram_server.wait_for(lambda: "telegram command failed" in str(logs))
    assert "can't be answered now" in answer["text"]
    assert (await telegram_server.ask(ANN, "/page")).text == "page 1"


@pytest.mark.parametrize("data", ["page 2", "?page 2", "=", "+", "{}", "\x00", "=\u202e"])
async def test_data_that_is_no_button_of_ours_changes_nothing(
    telegram_server: TelegramServer, desk: Desk, script: Script, data: str
) -> None:
    page = await telegram_server.ask(ANN, "/page")
    asked = len(script.asked)
    assert (await press_data(telegram_server, page, data, forged=True))["text"] == ""
    assert (page.edits, len(telegram_server.messages(ANN)), len(script.asked)) == (0, 1, asked)


async def test_forged_unknown_command_is_named_and_the_message_stays(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    page = await telegram_server.ask(ANN, "/page")
    answer = await press_data(telegram_server, page, "=drop_tables now", forged=True)
    assert "There is no /drop_tables" in answer["text"]
    long = await press_data(telegram_server, page, "+" + "x" * 200, forged=True)
    assert "There is no /xxxx" in long["text"]
    assert (page.edits, len(telegram_server.messages(ANN))) == (0, 1)


async def test_stranger_who_presses_gets_one_polite_line_and_nothing_else(
    telegram_server: TelegramServer, desk: Desk, script: Script
) -> None:
    telegram_server.add_user(BOB)
    forwarded = await telegram_server.ask(BOB, "/page")
    first = await press_data(telegram_server, forwarded, "=page 2", forged=True)
    asked = [request.user_id for _, request in script.asked]
    assert "private bot" in forwarded.text
    assert (first["text"], asked, forwarded.edits) == ("", [], 0)


async def test_button_in_a_group_is_pressed_with_the_pressers_own_rights(
    telegram_server: TelegramServer, desk: Desk, script: Script
) -> None:
    telegram_server.add_chat(GROUP)
    telegram_server.set_member(GROUP, ANN, "administrator")
    page = await telegram_server.ask(ANN, "/page@hyperfade_test_bot", GROUP)
    refused = await press(telegram_server, page, "Set", user_id=BOB)
    assert "only its administrators" in refused["text"]
    assert (page.edits, [name for name, _ in script.asked]) == (0, ["page"])
    await press(telegram_server, page, "Set", user_id=ANN)
    assert page.text == f"set by {ANN}"


async def test_anonymous_administrator_is_a_person_when_pressing(
    telegram_server: TelegramServer, desk: Desk
) -> None:
    chat = telegram_server.add_chat(GROUP, type="channel")
    desk.chats.let_in(Target(Channel.TELEGRAM, str(GROUP)), Role.MEMBER)
    post = await telegram_server.ask(ANN, "/page", GROUP)
    chat.members[BOB] = "administrator"
    await press(telegram_server, post, "Set", user_id=BOB)
    assert post.text == f"set by {BOB}"


async def test_channel_is_told_that_buttons_change_its_settings_and_they_do(
    telegram_server: TelegramServer,
) -> None:
    chat = telegram_server.add_chat(GROUP, type="channel")
    chat.members[BOB] = "administrator"
    target = Target(Channel.TELEGRAM, str(GROUP))
    async with listening(telegram_server, prepare=group) as desk:
        welcome = await telegram_server.ask(ANN, "/start", GROUP)
        assert "doesn't tell who wrote it, so what this chat gets is changed by buttons" in welcome.text
        assert "/subscribe" not in welcome.text
        assert [one.text for one in welcome.buttons] == [
            "Choose coins",
            "Settings",
            "All that this chat gets",
        ]
        await press(telegram_server, welcome, "Settings", user_id=BOB)
        await press(telegram_server, welcome, "Quiet hours", user_id=BOB)
        await press(telegram_server, welcome, "23:00-08:00", user_id=BOB)
        assert desk.chats.rows[target].settings.quiet is not None

        wishes = await telegram_server.ask(ANN, "/subscriptions", GROUP)
        assert "the buttons change all this, by an administrator's press" in wishes.text
        # What is posted comes back as a button, for whom the platform knows when they press.
        post = await telegram_server.ask(ANN, "/subscribe BTC 10k", GROUP)
        assert [one.text for one in post.buttons] == ["/subscribe BTC 10k", "All that this chat gets"]
        refused = await press(telegram_server, post, "/subscribe BTC 10k", user_id=ANN)
        assert "only its administrators" in refused["text"]
        assert desk.chats.rows[target].subscriptions == ()
        await press(telegram_server, post, "/subscribe BTC 10k", user_id=BOB)
        assert "BTC" in post.text
        assert len(desk.chats.rows[target].subscriptions) == 1


async def test_answers_to_presses_stay_in_their_topic(telegram_server: TelegramServer, desk: Desk) -> None:
    chat = telegram_server.add_chat(GROUP, is_forum=True, topics=(3,))
    page = await telegram_server.ask(ANN, "/page@hyperfade_test_bot", GROUP, thread_id=3)
    await press(telegram_server, page, "Other", user_id=ANN)
    answer = last(telegram_server, GROUP)
    assert (answer.text, answer.thread_id, answer.reply_to) == ("page 11", 3, page.message_id)
    chat.topics.clear()
    await press(telegram_server, page, "Other", user_id=ANN)
    answer = last(telegram_server, GROUP)
    assert (answer.text, answer.thread_id) == ("page 11", None)


async def test_slow_answer_holds_up_nobody_else_and_keeps_the_chats_order(
    telegram_server: TelegramServer, desk: Desk, script: Script
) -> None:
    desk.chats.let_in(Target(Channel.TELEGRAM, str(BOB)))
    page = await telegram_server.ask(ANN, "/page")
    await telegram_server.press(page, key(page, "Slow"))
    await telegram_server.send_text(ANN, "/page 4")
    assert (await telegram_server.ask(BOB, "/page")).text == "page 1"
    assert len(telegram_server.messages(ANN)) == 1
    script.gate.set()
    await telegram_server.wait_for_message(ANN, "page 4")
    assert [one.text for one in telegram_server.messages(ANN)] == ["page 1", "slow is done", "page 4"]


async def test_button_that_telegram_would_refuse_is_left_out() -> None:
    fitting = Button("x" * 80, "mute 0x" + "f" * 40 + " 24h", edits=True)
    too_long = Button("y", "trader " + "é" * 29)
    keyboard = telegram_keyboard(((fitting, too_long), (too_long,)))
    assert keyboard is not None
    [[one]] = keyboard.inline_keyboard
    assert isinstance(one.callback_data, str)
    assert len(one.callback_data.encode()) <= 64
    assert telegram_keyboard(((too_long,),)) is None
    assert telegram_keyboard(()) is None
