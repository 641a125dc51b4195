"""The loopback Telegram server serves a second client library, aiogram, as it serves the first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import pytest_asyncio
from aiogram import Bot, Dispatcher
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.filters import Command, CommandObject
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BufferedInputFile,
    CallbackQuery,
    ChatMemberUpdated,
    ErrorEvent,
    InaccessibleMessage,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
    Update,
)
from aiohttp import web

from tests.support import faults
from tests.support.loopback import Loopback
from tests.support.telegram_server import TelegramServer, too_many_requests

pytestmark = pytest.mark.asyncio

ALICE = 5_000_000_001
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
KEYBOARD = InlineKeyboardMarkup(
    inline_keyboard=[[InlineKeyboardButton(text="Next", callback_data="=page 2")]]
)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server:
        server.add_user(ALICE, "Alice")
        yield server


@asynccontextmanager
async def client(server: TelegramServer, token: str = "") -> AsyncIterator[Bot]:
    api = TelegramAPIServer.from_base(server.base_url.removesuffix("/bot"))
    session = AiohttpSession(api=api, timeout=5.0)
    bot = Bot(token or server.token, session=session, default=DefaultBotProperties(parse_mode="HTML"))
    try:
        yield bot
    finally:
        await session.close()


@pytest_asyncio.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with client(server) as bot:
        yield bot


def make_dispatcher(seen: list[str]) -> Dispatcher:
    dispatcher = Dispatcher()

    @dispatcher.message(Command("losers"))
    async def losers(message: Message, command: CommandObject) -> None:
        await message.answer(f"<b>page 1</b> of {command.args}", reply_markup=KEYBOARD)

    @dispatcher.message(Command("chart"))
    async def chart(message: Message) -> None:
        picture = BufferedInputFile(PNG, "equity.png")
        await message.answer_photo(picture, caption="<i>equity</i>", reply_markup=KEYBOARD)

    @dispatcher.callback_query()
    async def turn(query: CallbackQuery) -> None:
        if isinstance(query.message, InaccessibleMessage):
            seen.append("inaccessible")
            await query.message.answer("anew")
        elif isinstance(query.message, Message) and query.message.photo:
            media = InputMediaPhoto(media=BufferedInputFile(PNG + b"2", "equity.png"), caption="later")
            await query.message.edit_media(media)
        elif isinstance(query.message, Message):
            await query.message.edit_text("page 2", reply_markup=KEYBOARD)
        await query.answer("turning", show_alert=True)

    @dispatcher.my_chat_member()
    async def membership(change: ChatMemberUpdated) -> None:
        seen.append(" ".join((change.old_chat_member.status, change.new_chat_member.status)))

    @dispatcher.message(lambda message: message.migrate_to_chat_id)
    async def moved(message: Message) -> None:
        seen.append(f"moved to {message.migrate_to_chat_id}")

    @dispatcher.errors()
    async def failed(event: ErrorEvent) -> None:
        seen.append(f"failed: {event.exception}")

    return dispatcher


@asynccontextmanager
async def polling(bot: Bot) -> AsyncIterator[list[str]]:
    seen: list[str] = []
    dispatcher = make_dispatcher(seen)
    task = asyncio.create_task(
        dispatcher.start_polling(bot, polling_timeout=1, handle_signals=False, close_bot_session=False)
    )
    try:
        yield seen
    finally:
        with suppress(RuntimeError):
            await dispatcher.stop_polling()
        await task


async def test_it_knows_itself_and_its_menu(server: TelegramServer, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot) == (123456789, "hyperfade_test_bot", True)
    commands = [BotCommand(command="losers", description="who loses")]
    for scope in (None, BotCommandScopeAllGroupChats()):
        assert await bot.get_my_commands(scope) == []
        assert await bot.set_my_commands(commands, scope)
        assert [one.command for one in await bot.get_my_commands(scope)] == ["losers"]
    assert (await bot.get_chat(ALICE)).first_name == "Alice"
    assert (await bot.get_chat_member(ALICE, ALICE)).status == "member"
    assert await bot.send_chat_action(ALICE, "typing")


async def test_command_button_edit_and_answer_go_round_by_polling(server: TelegramServer, bot: Bot) -> None:
    async with polling(bot) as seen:
        page = await server.ask(ALICE, "/losers BTC")
        assert (page.text, page.source) == ("page 1 of BTC", "<b>page 1</b> of BTC")
        assert [one.callback_data for one in page.buttons] == ["=page 2"]
        press = await server.press(page, "=page 2")
        await server.wait_for(lambda: press.answer)
        assert (page.text, page.edits, press.answer) == ("page 2", 1, {"text": "turning", "show_alert": True})
        page.deleted = True
        gone = await server.press(page, "=page 2")
        await server.wait_for(lambda: gone.answer)
        assert server.messages(ALICE)[-1].text == "anew"
    assert seen == ["inaccessible"]


async def test_picture_goes_up_is_exchanged_and_comes_down(server: TelegramServer, bot: Bot) -> None:
    async with polling(bot) as seen:
        chart = await server.ask(ALICE, "/chart")
        assert chart.file is not None
        assert (chart.file.name, chart.file.data, chart.text) == ("equity.png", PNG, "equity")
        press = await server.press(chart, "=page 2")
        await server.wait_for(lambda: press.answer)
        assert chart.file.data == PNG + b"2"
        assert (chart.text, chart.edits) == ("later", 1)
    assert seen == []
    file = await bot.get_file(chart.now.file_id)
    assert file.file_path is not None
    down = await bot.download_file(file.file_path)
    assert down is not None
    assert down.read() == PNG + b"2"


async def test_messages_are_sent_silently_into_topics_and_as_answers(
    server: TelegramServer, bot: Bot
) -> None:
    server.add_chat(-100, is_forum=True, topics=(7,))
    first = await bot.send_message(
        -100,
        "<b>entry</b>",
        message_thread_id=7,
        disable_notification=True,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    assert first.message_thread_id == 7
    assert first.entities is not None
    assert [one.type for one in first.entities] == ["bold"]
    second = await bot.send_message(
        -100, "exit", message_thread_id=7, reply_parameters=ReplyParameters(message_id=first.message_id)
    )
    assert second.reply_to_message is not None
    assert second.reply_to_message.message_id == first.message_id
    assert [one.silent for one in server.messages(-100)] == [True, False]
    edited = await bot.edit_message_text("ended", chat_id=-100, message_id=first.message_id)
    assert isinstance(edited, Message)
    assert edited.edit_date is not None
    assert await bot.delete_message(-100, first.message_id)


async def test_errors_are_told_as_the_platform_tells_them(server: TelegramServer, bot: Bot) -> None:
    sent = await bot.send_message(ALICE, "same")
    for words, call in (
        ("message is not modified", bot.edit_message_text("same", chat_id=ALICE, message_id=sent.message_id)),
        ("message to edit not found", bot.edit_message_text("x", chat_id=ALICE, message_id=999)),
        ("can't parse entities", bot.send_message(ALICE, "<bad>")),
        ("chat not found", bot.send_message(404, "x")),
        ("message is too long", bot.send_message(ALICE, "x" * 4097)),
        ("query is too old", bot.answer_callback_query("1")),
    ):
        with pytest.raises(TelegramBadRequest, match=words):
            await call
    server.fail(too_many_requests(7))
    with pytest.raises(TelegramRetryAfter) as slow:
        await bot.send_message(ALICE, "x")
    assert slow.value.retry_after == 7
    server.block(ALICE)
    with pytest.raises(TelegramForbiddenError, match="bot was blocked by the user"):
        await bot.send_message(ALICE, "x")
    server.add_chat(-5, "group")
    server.migrate(-5, -1005)
    with pytest.raises(TelegramMigrateToChat) as moved:
        await bot.send_message(-5, "x")
    assert moved.value.migrate_to_chat_id == -1005
    server.fail(faults.answer(502, {"ok": False, "error_code": 502, "description": "Bad Gateway"}))
    with pytest.raises(TelegramServerError):
        await bot.get_me()
    server.fail(faults.close())
    with pytest.raises(TelegramNetworkError):
        await bot.get_me()
    async with client(server, "1:wrong") as stranger:
        with pytest.raises(TelegramUnauthorizedError):
            await stranger.get_me()


async def test_memberships_and_migrations_arrive(server: TelegramServer, bot: Bot) -> None:
    async with polling(bot) as seen:
        server.add_chat(-5, "group", "Desk")
        server.block(ALICE)
        server.unblock(ALICE)
        server.migrate(-5, -1005)
        await server.wait_for(lambda: not server.updates.pending)
    assert sorted(seen) == ["kicked member", "member kicked", "moved to -1005"]


async def test_webhook_delivers_with_its_secret(server: TelegramServer, bot: Bot) -> None:
    seen: list[str] = []
    dispatcher = make_dispatcher(seen)
    secrets: list[str | None] = []

    async def receive(request: web.Request) -> web.Response:
        secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        await dispatcher.feed_update(bot, Update.model_validate(await request.json(), context={"bot": bot}))
        return web.Response()

    def hooks() -> web.Application:
        application = web.Application()
        application.router.add_post("/hook", receive)
        return application

    loopback = Loopback(hooks)
    await loopback.open()
    try:
        assert await bot.set_webhook(f"http://127.0.0.1:{loopback.port}/hook", secret_token="s3cret")
        page = await server.ask(ALICE, "/losers ETH")
        await server.press(page, "=page 2")
        await server.wait_for(lambda: page.text == "page 2")
        await server.wait_for(lambda: not server.updates.pending)
        info = await bot.get_webhook_info()
        assert (info.pending_update_count, info.last_error_message) == (0, None)
        with pytest.raises(TelegramConflictError, match="webhook is active"):
            await bot.get_updates()
        assert await bot.delete_webhook()
    finally:
        await loopback.close()
    assert (seen, secrets) == ([], ["s3cret", "s3cret"])
