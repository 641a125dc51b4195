"""Buttons on Discord: what a press does, who may, and what a forged one gets."""

from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from bot.requests import Command, Picture, Reply, Request
from core.model.answers import PerformanceAnswer, TraderAnswer
from core.model.buttons import Button, Rows
from core.model.chats import Chat
from tests.support import faults
from tests.support.chat_desk import ChatRows
from tests.support.chat_facts import LOSER
from tests.support.discord_desk import discord_desk
from tests.support.discord_objects import DiscordMessage
from tests.support.discord_server import DiscordServer, discord_fault

pytestmark = pytest.mark.asyncio

ANN = 900_000_000_000_000_007
BOB = 900_000_000_000_000_009
BOSS = 900_000_000_000_000_008
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32

BUTTONS: Rows = (
    (Button("Next", "pages 2", edits=True), Button("More", "pages 3"), Button("Quiet", "hush")),
    (Button("Chart", "chart", edits=True), Button("Turn", "turn on", edits=True)),
    (Button("Ask", "ask", edits=True),),
)


@dataclass
class Book:
    """Commands with every kind of answer, and what they were asked."""

    asked: list[Request] = field(default_factory=list)

    def commands(self) -> tuple[Command, ...]:
        return (
            Command("start", "first", self._pages),
            Command("pages", "a page", self._pages),
            Command("chart", "with a picture", self._chart),
            Command("hush", "only a word", self._hush),
            Command("turn", "a setting", self._turn, changes_settings=True),
            Command("ask", "asks by buttons", self._ask),
            Command("long", "too long", self._long),
        )

    async def _pages(self, request: Request, chat: Chat) -> Reply:
        self.asked.append(request)
        number = request.words[0] if request.words else "1"
        return Reply(f"page {number} of @everyone", BUTTONS)

    async def _chart(self, request: Request, chat: Chat) -> Reply:
        return Reply("a chart", BUTTONS, Picture("equity.png", PNG, "equity falls"))

    async def _hush(self, request: Request, chat: Chat) -> Reply:
        return Reply("Muted *BTC*.", notice="Muted *BTC* for @everyone.")

    async def _turn(self, request: Request, chat: Chat) -> Reply:
        self.asked.append(request)
        return Reply("turned", BUTTONS)

    async def _ask(self, request: Request, chat: Chat) -> Reply:
        return Reply("Which coin?", ((Button("BTC", "pages BTC", edits=True),),))

    async def _long(self, request: Request, chat: Chat) -> Reply:
        return Reply("😀" * 1500)


async def test_press_on_an_editing_button_changes_its_message(discord_server: DiscordServer) -> None:
    book = Book()
    async with discord_desk(discord_server, ANN, extra=book.commands()):
        page = await discord_server.command(ANN, "pages")
        assert await discord_server.press(page, "=pages 2") is page
    assert [version.content for version in page.versions] == ["page 1 of @everyone", "page 2 of @everyone"]
    assert not any(version.pings_everyone for version in page.versions)
    assert [button["label"] for button in page.buttons] == [one.label for row in BUTTONS for one in row]
    pressed = book.asked[-1]
    assert (pressed.is_press, pressed.user_id, pressed.words) == (True, str(ANN), ("2",))
    [_, update] = discord_server.calls_of("callback")
    assert update.payload["type"] == 6


async def test_press_on_another_button_adds_a_message(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN, extra=Book().commands()):
        page = await discord_server.command(ANN, "pages")
        answer = await discord_server.press(page, "+pages 3")
    assert (answer.content, answer.is_ephemeral) == ("page 3 of @everyone", False)
    assert answer is not page
    assert page.edits == 0
    assert answer.buttons


async def test_notice_is_seen_by_the_presser_alone_and_the_message_stays(
    discord_server: DiscordServer,
) -> None:
    async with discord_desk(discord_server, ANN, extra=Book().commands()):
        page = await discord_server.command(ANN, "pages")
        told = await discord_server.press(page, "+hush")
    assert (told.content, told.is_ephemeral) == (r"Muted \*BTC\* for ＠everyone.", True)
    assert page.edits == 0


async def test_picture_comes_with_an_edit_and_goes_with_the_next(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN, extra=Book().commands()):
        page = await discord_server.command(ANN, "pages")
        for _ in range(2):
            await discord_server.press(page, "=chart")
            assert [(file.name, file.data) for file in page.files] == [("equity.png", PNG)]
        await discord_server.press(page, "=pages 2")
        assert (page.files, page.content) == ((), "page 2 of @everyone")
        drawn = await discord_server.command(ANN, "chart")
    assert [file.data for file in drawn.files] == [PNG]
    assert drawn.text == "a chart"
    edit = next(one for one in discord_server.calls_of("edit_webhook_message") if one.payload["attachments"])
    assert edit.payload["attachments"][0]["description"] == "equity falls"


async def test_picture_larger_than_the_place_takes_is_left_out(
    discord_server: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.discord_interactions.FILE_LIMIT_BYTES", 10)
    async with discord_desk(discord_server, ANN, extra=Book().commands()):
        with capture_logs() as logs:
            drawn = await discord_server.command(ANN, "chart")
    assert (drawn.text, drawn.files) == ("a chart", ())
    assert "picture too large, left out" in str(logs)


async def test_buttons_work_after_a_restart(discord_server: DiscordServer) -> None:
    chats = ChatRows()
    async with discord_desk(discord_server, ANN, chats=chats, extra=Book().commands()):
        page = await discord_server.command(ANN, "pages")
    book = Book()
    async with discord_desk(discord_server, ANN, chats=chats, extra=book.commands()):
        assert (await discord_server.press(page, "=pages 2")).content == "page 2 of @everyone"
        assert await discord_server.press(page, "+pages 3") is not page
    assert len(book.asked) == 2


async def test_sent_buttons_are_not_remembered_in_memory(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN, extra=Book().commands()) as desk:
        page = await discord_server.command(ANN, "pages")
        await discord_server.press(page, "=pages 2")
        assert not desk.client.persistent_views
        assert not desk.client._connection._view_store._views


async def test_settings_button_is_for_administrators_of_the_server(discord_server: DiscordServer) -> None:
    discord_server.add_user(BOSS, is_administrator=True)
    book = Book()
    async with discord_desk(discord_server, ANN, extra=book.commands()):
        place = discord_server.channel_id
        page = await discord_server.command(BOSS, "pages", channel_id=place)
        refused = await discord_server.press(page, "=turn on", ANN)
        assert refused.is_ephemeral
        assert "only its administrators" in refused.content
        assert page.edits == 0
        assert await discord_server.press(page, "=turn on", BOSS) is page
        assert page.content == "turned"
    assert [one.user_id for one in book.asked if one.is_press] == [str(BOSS)]


async def test_right_to_manage_the_server_is_enough(discord_server: DiscordServer) -> None:
    discord_server.add_user(BOB).permissions |= 1 << 5
    async with discord_desk(discord_server, ANN, extra=Book().commands()):
        page = await discord_server.command(BOB, "pages", channel_id=discord_server.channel_id)
        assert (await discord_server.press(page, "=turn on", BOB)).content == "turned"


@pytest.mark.parametrize(
    ("custom_id", "words"),
    [
        ("=turn on", "only its administrators"),
        ("+nothing", "no /nothing"),
        ("+" + "n" * 99, "no /nnn"),
        ("page:2", "isn't known any more"),
        ("=", "isn't known any more"),
        ("=@everyone <@1> `x`", "isn't known any more"),
        ("=e@everyone **b**", "no /e"),
    ],
)
async def test_forged_press_gets_what_its_typist_would(
    discord_server: DiscordServer, custom_id: str, words: str
) -> None:
    book = Book()
    async with discord_desk(discord_server, ANN, extra=book.commands()):
        page = await discord_server.command(ANN, "pages", channel_id=discord_server.channel_id)
        answer = await discord_server.press(page, custom_id, BOB, forged=True)
    assert answer.is_ephemeral
    assert words in answer.text
    assert "@" not in answer.text
    assert page.edits == 0
    assert len(book.asked) == 1


async def test_press_in_a_chat_that_isnt_let_in_gets_the_polite_line(discord_server: DiscordServer) -> None:
    book = Book()
    async with discord_desk(discord_server, ANN, extra=book.commands()) as desk:
        page = await discord_server.command(ANN, "pages", channel_id=discord_server.channel_id)
        desk.chats.rows.clear()
        answer = await discord_server.press(page, "=pages 2", BOB)
    assert answer.is_ephemeral
    assert "private bot" in answer.text
    assert len(book.asked) == 1


async def test_question_by_buttons_replaces_its_message(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN, extra=Book().commands()):
        page = await discord_server.command(ANN, "pages")
        assert await discord_server.press(page, "=ask") is page
        assert (page.content, [one["custom_id"] for one in page.buttons]) == ("Which coin?", ["=pages BTC"])
        assert (await discord_server.press(page, "=pages BTC")).content == "page BTC of @everyone"


async def test_too_long_is_cut_and_logged_never_sent(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN, extra=Book().commands()):
        with capture_logs() as logs:
            answer = await discord_server.command(ANN, "long")
    assert 900 < len(answer.content) <= 1000
    assert answer.content.endswith("…")
    assert "answer too long, cut" in str(logs)


@pytest.mark.parametrize(
    "fault",
    [
        discord_fault(404, 10062, "Unknown interaction"),
        discord_fault(400, 40060, "Interaction has already been acknowledged."),
        faults.close(),
    ],
    ids=["too late", "twice", "cut"],
)
async def test_press_that_cant_be_answered_is_one_line_and_does_nothing(
    discord_server: DiscordServer, fault: faults.Fault, caplog: pytest.LogCaptureFixture
) -> None:
    book = Book()
    async with discord_desk(discord_server, ANN, extra=book.commands()):
        page = await discord_server.command(ANN, "pages")
        discord_server.fail(fault, route="callback")
        with capture_logs() as logs:
            await discord_server.touch(page, "=pages 2")
            await discord_server.press(page, "=pages 2")
    assert [one["event"] for one in logs if one["log_level"] != "info"] == ["discord press not answered"]
    assert page.edits == 1
    assert len(book.asked) == 2
    assert "Traceback" not in caplog.text


async def test_press_under_a_message_that_was_deleted_meanwhile_is_one_line(
    discord_server: DiscordServer,
) -> None:
    async with discord_desk(discord_server, ANN, extra=Book().commands()):
        page = await discord_server.command(ANN, "pages")
        page.deleted = True
        with capture_logs() as logs:
            await discord_server.touch(page, "=pages 2")
            await discord_server.command(ANN, "pages")
            await discord_server.wait_for(lambda: "press not answered" in str(logs) or None)
    assert "Unknown Message" in str(logs)


async def test_unknown_command_is_one_line(
    discord_server: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with discord_desk(discord_server, ANN, extra=Book().commands()):
        discord_server.global_commands.append(
            {"id": "1", "name": "gone", "type": 1, "options": [], "contexts": None}
        )
        with capture_logs() as logs:
            await discord_server.invoke(ANN, "gone")
            await discord_server.command(ANN, "pages")
    [line] = [one for one in logs if one["log_level"] != "info"]
    assert (line["event"], line["command"]) == ("discord command not answered", "gone")
    assert "Traceback" not in caplog.text


class Drawn:
    """Draws the same for everybody."""

    async def trader(self, answer: TraderAnswer) -> Picture | None:
        return Picture("trader.png", PNG, "equity falls")

    async def performance(self, answer: PerformanceAnswer) -> Picture | None:
        return Picture("performance.png", PNG, "beside the placebo")


async def test_charts_come_beside_their_words_and_stay_when_refreshed(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN, charts=Drawn()):
        card = await discord_server.command(ANN, "trader", {"who": "#7"})
        assert [file.name for file in card.files] == ["trader.png"]
        assert "profit 30 d" in card.text
        await discord_server.press(card, f"=trader {LOSER}")
        assert (card.edits, [file.name for file in card.files]) == (1, ["trader.png"])
        score = await discord_server.press(card, f"+performance all {LOSER}")
        assert [file.name for file in score.files] == ["performance.png"]


async def test_every_button_of_every_command_is_answered(discord_server: DiscordServer) -> None:
    async with discord_desk(discord_server, ANN) as desk:
        asked: dict[str, dict[str, str]] = {
            "losers": {"n": "3"}, "trader": {"who": "#7"}, "subscribe": {"coins": "BTC"},
        }  # fmt: skip
        waiting: list[tuple[DiscordMessage, str]] = []
        seen: set[str] = set()

        def find(message: DiscordMessage) -> None:
            for button in message.buttons:
                # One of each kind: every page of a list has buttons to others.
                kind = " ".join(word for word in button["custom_id"].split() if not word.isdigit())
                if kind not in seen and not kind.startswith(("+stop", "=stop")):
                    seen.add(kind)
                    waiting.append((message, button["custom_id"]))

        for command in desk.commands.commands:
            registered = next(one for one in discord_server.commands if one["name"] == command.name)
            required = {one["name"] for one in registered["options"] if one.get("required")}
            options = asked.get(command.name, {})
            if required <= set(options) and command.name != "stop":
                find(await discord_server.command(ANN, command.name, options))
        assert len(waiting) > 40
        while waiting:
            message, custom_id = waiting.pop()
            # The message may show others by now; a press on what was there is answered all the same.
            find(await discord_server.press(message, custom_id, forged=True))
            assert len(seen) < 300
