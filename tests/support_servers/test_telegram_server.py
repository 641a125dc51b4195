"""The loopback Telegram server, judged by the real python-telegram-bot."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, Update
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from tests.support import faults
from tests.support.loopback import Loopback
from tests.support.telegram_chats import Button
from tests.support.telegram_server import TelegramServer, too_many_requests

pytestmark = pytest.mark.asyncio

ALICE = 5_000_000_001
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
App = Application[Any, Any, Any, Any, Any, Any]
Handler = Callable[[Update, ContextTypes.DEFAULT_TYPE], Awaitable[None]]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        server.add_user(ALICE, "Alice")
        yield server


@pytest_asyncio.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with Bot(server.token, base_url=server.base_url, base_file_url=server.base_file_url) as bot:
        yield bot


def add_handlers(app: App) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Next", callback_data="page:2")]])

    async def losers(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.effective_message is not None
        await update.effective_message.reply_html(
            "<b>page 1</b> of " + " ".join(context.args or ["all"]), reply_markup=keyboard
        )

    async def turn(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("turning")
        await update.callback_query.edit_message_text("page 2")

    async def chart(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.effective_message is not None
        await update.effective_message.reply_photo(PNG, caption="<i>equity</i>", parse_mode="HTML")

    async def membership(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.my_chat_member is not None
        member = update.my_chat_member
        app.bot_data.setdefault("seen", []).append(
            (member.old_chat_member.status, member.new_chat_member.status)
        )

    async def moved(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message is not None
        app.bot_data.setdefault("moved", []).append(update.message.migrate_to_chat_id)

    app.add_handler(CommandHandler("losers", losers))
    app.add_handler(CommandHandler("chart", chart))
    app.add_handler(CallbackQueryHandler(turn))
    app.add_handler(ChatMemberHandler(membership, ChatMemberHandler.MY_CHAT_MEMBER))
    app.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, moved))


@asynccontextmanager
async def polling(server: TelegramServer) -> AsyncIterator[App]:
    app: App = (
        Application.builder()
        .token(server.token)
        .base_url(server.base_url)
        .base_file_url(server.base_file_url)
        .build()
    )
    add_handlers(app)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app)
        await app.start()
        stack.push_async_callback(app.stop)
        assert app.updater is not None
        await app.updater.start_polling(allowed_updates=Update.ALL_TYPES)
        stack.push_async_callback(app.updater.stop)
        yield app


async def test_command_button_edit_and_answer_go_round_by_polling(server: TelegramServer) -> None:
    async with polling(server):
        page = await server.ask(ALICE, "/losers BTC")
        assert (page.text, page.source) == ("page 1 of BTC", "<b>page 1</b> of BTC")
        assert page.now.entities == ({"type": "bold", "offset": 0, "length": 6},)
        assert page.buttons == [Button("Next", "page:2")]

        press = await server.press(page, "page:2")
        await server.wait_for(lambda: page.edits == 1)
        assert [version.text for version in page.versions] == ["page 1 of BTC", "page 2"]
        assert page.buttons == []
        assert press.answer == {"text": "turning", "show_alert": False}
    assert server.updates.pending == []


async def test_photo_arrives_with_bytes_and_caption_and_can_be_downloaded(
    server: TelegramServer, bot: Bot
) -> None:
    async with polling(server):
        chart = await server.ask(ALICE, "/chart")
    assert chart.file is not None
    assert (chart.file.data, chart.text) == (PNG, "equity")
    file = await bot.get_file(chart.now.file_id)
    assert bytes(await file.download_as_bytearray()) == PNG
    again = await bot.send_photo(ALICE, chart.now.file_id)
    await again.edit_media(InputMediaPhoto(PNG + b"2", caption="new"))
    await again.edit_caption("newer")
    latest = server.messages(ALICE)[-1]
    assert latest.file is not None
    assert (latest.file.data, latest.text, latest.edits) == (PNG + b"2", "newer", 2)
    with pytest.raises(BadRequest, match="Image_process_failed"):
        await bot.send_photo(ALICE, b"no image at all")


async def test_a_press_of_an_absent_button_is_refused_unless_forged(server: TelegramServer, bot: Bot) -> None:
    await bot.send_message(ALICE, "no keys")
    message = server.messages(ALICE)[0]
    with pytest.raises(AssertionError, match="no button 'x'"):
        await server.press(message, "x")
    press = await server.press(message, "x", forged=True)
    (update,) = await bot.get_updates(timeout=0)
    assert update.callback_query is not None
    assert update.callback_query.data == "x"
    press.expired = True
    with pytest.raises(BadRequest, match="uery is too old"):
        await update.callback_query.answer()


async def test_updates_stay_until_their_offset_is_acknowledged(server: TelegramServer, bot: Bot) -> None:
    await server.send_text(ALICE, "one")
    await server.send_text(ALICE, "two")
    first = await bot.get_updates(timeout=0)
    again = await bot.get_updates(timeout=0)
    assert [update.update_id for update in first] == [update.update_id for update in again]
    rest = await bot.get_updates(offset=first[0].update_id + 1, timeout=0)
    assert [update.message and update.message.text for update in rest] == ["two"]
    assert len(server.updates.pending) == 1


async def test_the_older_of_two_pollers_gets_a_conflict(server: TelegramServer, bot: Bot) -> None:
    async with Bot(server.token, base_url=server.base_url) as other:
        older = asyncio.create_task(other.get_updates(timeout=20))
        await server.wait_for(lambda: server.updates.is_polled)
        assert await bot.get_updates(timeout=0) == ()
        with pytest.raises(Conflict, match="terminated by other getUpdates"):
            await older


async def test_an_abandoned_poll_is_forgotten(server: TelegramServer, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await server.wait_for(lambda: server.updates.is_polled)
    poll.cancel()
    await asyncio.wait([poll])
    await server.send_text(ALICE, "not for the dead")
    assert len(await bot.get_updates(timeout=0)) == 1


async def test_webhook_delivers_with_its_secret_and_forbids_polling(server: TelegramServer, bot: Bot) -> None:
    app: App = Application.builder().token(server.token).base_url(server.base_url).updater(None).build()
    add_handlers(app)
    secrets: list[str | None] = []
    statuses = [500, 200, 200, 200]

    async def receive(request: web.Request) -> web.Response:
        secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        status = statuses.pop(0)
        if status == 200:
            await app.update_queue.put(Update.de_json(await request.json(), app.bot))
        return web.Response(status=status)

    def hooks() -> web.Application:
        application = web.Application()
        application.router.add_post("/hook", receive)
        return application

    loopback = Loopback(hooks)
    await loopback.open()
    server.updates.webhook_retry_seconds = 0.01
    async with AsyncExitStack() as stack:
        stack.push_async_callback(loopback.close)
        await stack.enter_async_context(app)
        await app.start()
        stack.push_async_callback(app.stop)
        await bot.set_webhook(f"http://127.0.0.1:{loopback.port}/hook", secret_token="s3cret")
        page = await server.ask(ALICE, "/losers")
        await server.press(page, "page:2")
        await server.wait_for(lambda: page.text == "page 2")
        await server.wait_for(lambda: not server.updates.pending)
        server.updates.put_again(server.updates.all[0])
        await server.wait_for(lambda: len(server.messages(ALICE)) == 2)
        info = await bot.get_webhook_info()
        assert info.last_error_message == "Wrong response from the webhook: 500 Internal Server Error"
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        await bot.delete_webhook()
    assert secrets == ["s3cret"] * 4
    assert await bot.get_updates(timeout=0) == ()


@pytest.mark.parametrize(
    ("html", "error"),
    [
        ("<bad>x</bad>", 'unsupported start tag "bad" at byte offset 0'),
        ("é<b>x", 'can\'t find end tag corresponding to start tag "b"'),
        ("<b>x</i>", 'unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("x</b>", "unexpected end tag at byte offset 1"),
        ("é<b", "unclosed start tag at byte offset 2"),
        ("<span>x</span>", 'tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("1 < 2", 'unsupported start tag "" at byte offset 2'),
    ],
)
async def test_bad_html_gets_telegrams_own_words(bot: Bot, html: str, error: str) -> None:
    with pytest.raises(BadRequest) as caught:
        await bot.send_message(ALICE, html, parse_mode="HTML")
    assert str(caught.value).lower() == f"can't parse entities: {error}"


async def test_good_html_becomes_text_and_entities(server: TelegramServer, bot: Bot) -> None:
    source = (
        '😀<b>bold <i>both</i></b> &lt;x&gt; &amp; &#8364; <a href="https://x.io/?a=1&amp;b=2">link</a>'
        "<code>c</code><pre>p</pre><blockquote expandable>q</blockquote><tg-spoiler>s</tg-spoiler>"
    )
    sent = await bot.send_message(ALICE, source, parse_mode="HTML")
    assert sent.text == "😀bold both <x> & € linkcpqs"
    assert [(entity.type, sent.parse_entity(entity)) for entity in sent.entities] == [
        ("bold", "bold both"),
        ("italic", "both"),
        ("text_link", "link"),
        ("code", "c"),
        ("pre", "p"),
        ("expandable_blockquote", "q"),
        ("spoiler", "s"),
    ]
    assert sent.entities[2].url == "https://x.io/?a=1&b=2"


async def test_lengths_are_counted_after_parsing_in_utf16_units(server: TelegramServer, bot: Bot) -> None:
    await bot.send_message(ALICE, "<b>" + "x" * 4096 + "</b>", parse_mode="HTML")
    await bot.send_message(ALICE, "😀" * 2048)
    for text in ("x" * 4097, "😀" * 2048 + "x"):
        with pytest.raises(BadRequest, match="Message is too long"):
            await bot.send_message(ALICE, text)
    await bot.send_photo(ALICE, PNG, caption="x" * 1024)
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(ALICE, PNG, caption="x" * 1025)
    with pytest.raises(BadRequest, match="Text must be non-empty"):
        await bot.send_message(ALICE, "<b> </b>", parse_mode="HTML")
    assert len(server.messages(ALICE)) == 3


@pytest.mark.parametrize(
    ("data", "is_good"), [("x", True), ("x" * 64, True), ("é" * 33, False), ("x" * 65, False)]
)
async def test_callback_data_has_1_to_64_bytes(bot: Bot, data: str, is_good: bool) -> None:
    markup = {"inline_keyboard": [[{"text": "key", "callback_data": data}]]}
    keyboard = InlineKeyboardMarkup.de_json(markup, bot)
    if is_good:
        await bot.send_message(ALICE, "keys", reply_markup=keyboard)
    else:
        with pytest.raises(BadRequest, match="Button_data_invalid"):
            await bot.send_message(ALICE, "keys", reply_markup=keyboard)


async def test_edits_and_deletions_say_what_is_wrong(server: TelegramServer, bot: Bot) -> None:
    sent = await bot.send_message(ALICE, "same")
    with pytest.raises(BadRequest, match="Message is not modified"):
        await sent.edit_text("same")
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", ALICE, 999)
    theirs = await server.send_text(ALICE, "mine")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", ALICE, theirs.message_id)
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(ALICE, "x", reply_to_message_id=999)
    reply = await bot.send_message(ALICE, "x", reply_to_message_id=sent.message_id)
    assert reply.reply_to_message is not None
    assert reply.reply_to_message.text == "same"
    await sent.delete()
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await sent.delete()
    assert [message.text for message in server.messages(ALICE)] == ["x"]


async def test_places_that_refuse_say_why(server: TelegramServer, bot: Bot) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(404, "x")
    server.add_chat(-100, is_forum=True, topics=(7,))
    await bot.send_message(-100, "x", message_thread_id=7)
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(-100, "x", message_thread_id=8)
    server.kick(-100, by=ALICE)
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.send_message(-100, "x")
    server.block(ALICE)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ALICE, "x")
    server.unblock(ALICE)
    await bot.send_message(ALICE, "back")
    server.deactivate(ALICE)
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(ALICE, "x")


async def test_block_kick_and_migration_arrive_as_updates(server: TelegramServer, bot: Bot) -> None:
    async with polling(server) as app:
        server.add_chat(-5, "group", "Desk")
        server.block(ALICE)
        server.unblock(ALICE)
        server.kick(-5, by=ALICE)
        server.invite(-5, by=ALICE)
        server.migrate(-5, -1005)
        await server.wait_for(lambda: not server.updates.pending)
    assert app.bot_data["seen"] == [
        ("member", "kicked"),
        ("kicked", "member"),
        ("member", "kicked"),
        ("left", "member"),
    ]
    assert app.bot_data["moved"][0] == -1005
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(-5, "x")
    assert moved.value.new_chat_id == -1005
    await bot.send_message(-1005, "x")


async def test_in_groups_privacy_mode_hides_what_is_not_meant_for_the_bot(
    server: TelegramServer, bot: Bot
) -> None:
    server.add_chat(-100)
    for text in (
        "chatter",
        "/losers",
        "/losers@hyperfade_test_bot",
        "/losers@other_bot",
        "hi @hyperfade_test_bot",
    ):
        await server.send_text(ALICE, text, chat_id=-100)
    seen = [update.message and update.message.text for update in await bot.get_updates(timeout=0)]
    assert seen == ["/losers", "/losers@hyperfade_test_bot", "hi @hyperfade_test_bot"]
    server.set_member(-100, ALICE, "administrator")
    assert (await bot.get_chat_member(-100, ALICE)).status == "administrator"
    assert [one.user.id for one in await bot.get_chat_administrators(-100)] == [ALICE]
    assert (await bot.get_chat(-100)).title == "Chat -100"
    assert (await bot.get_chat_member(ALICE, bot.id)).status == "member"


async def test_menu_is_kept_by_scope_and_checked(server: TelegramServer, bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("losers", "Who loses")])
    assert (await bot.get_my_commands())[0].command == "losers"
    assert await bot.get_my_commands(language_code="de") == ()
    await bot.set_chat_menu_button()
    await bot.send_chat_action(ALICE, "typing")
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([("Losers!", "x")])


async def test_wrong_token_and_unknown_method_are_refused(server: TelegramServer, bot: Bot) -> None:
    wrong = Bot("1:wrong", base_url=server.base_url)
    with pytest.raises(InvalidToken):
        await wrong.initialize()
    await wrong.request.shutdown()  # A failed initialize leaves its connection open.
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{server.base_url}{server.token}/noSuchMethod")
        assert (answer.status_code, answer.json()["description"]) == (404, "Not Found")
        body = {"chat_id": ALICE, "text": "true"}
        for data in ({"json": body}, {"data": body}, {"params": body}):
            answer = await client.post(f"{server.base_url}{server.token}/sendMessage", **data)  # type: ignore[arg-type]
            assert answer.json()["result"]["text"] == "true"


@pytest.mark.parametrize(
    ("fault", "error", "cause", "arrived"),
    [
        (too_many_requests(3), RetryAfter, None, 0),
        (faults.bad_gateway(), NetworkError, None, 0),
        (faults.bad_gateway(accepted=True), NetworkError, None, 1),
        (faults.close(), NetworkError, httpx.RemoteProtocolError, 0),
        (faults.close(accepted=True), NetworkError, httpx.RemoteProtocolError, 1),
        (faults.reset(), NetworkError, httpx.ReadError, 0),
        (faults.stall(), TimedOut, httpx.ReadTimeout, 0),
        (faults.stall(accepted=True), TimedOut, httpx.ReadTimeout, 1),
    ],
)
@pytest.mark.filterwarnings("ignore:.*retry_after:telegram.warnings.PTBDeprecationWarning")
async def test_faults_concern_one_chat_and_end(
    server: TelegramServer,
    bot: Bot,
    fault: faults.Fault,
    error: type[Exception],
    cause: type[Exception] | None,
    arrived: int,
) -> None:
    server.fail(fault, chat_id=ALICE, method="sendMessage")
    server.add_user(2)
    await bot.send_message(2, "not concerned")
    with pytest.raises(error) as caught:
        await bot.send_message(ALICE, "x", read_timeout=0.2)
    assert type(caught.value) is error
    if cause is not None:
        assert isinstance(caught.value.__cause__, cause)
    assert len(server.messages(ALICE)) == arrived
    await bot.send_message(ALICE, "y")
    assert len(server.calls_of("sendMessage")) == 3


async def test_a_closed_server_refuses_and_opens_again_with_its_world(
    server: TelegramServer, bot: Bot
) -> None:
    await bot.send_message(ALICE, "before")
    await server.close()
    with pytest.raises(NetworkError) as caught:
        await bot.send_message(ALICE, "x")
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
    await server.open()
    await bot.send_message(ALICE, "after")
    assert [message.text for message in server.messages(ALICE)] == ["before", "after"]


async def test_waiting_in_vain_says_what_is_there(server: TelegramServer, bot: Bot) -> None:
    await bot.send_message(ALICE, "here")
    with pytest.raises(AssertionError, match=r"\['here'\]"):
        await server.wait_for_message(ALICE, "elsewhere", seconds=0.05)
