"""Settings are shown with buttons that change them in place; each change is a command line."""

from datetime import time

import pytest

from bot.settings_words import WORDS
from core.model.alerts import AlertKind
from core.model.chats import ChatSettings, DigestPeriod, Loudness, QuietHours, Role
from storage.database import Database
from tests.support.wish_desk import ANN, Desk, lines

pytestmark = pytest.mark.asyncio


async def desk(database: Database, role: Role = Role.MEMBER) -> Desk:
    made = Desk(database)
    await made.let_in(role=role)
    return made


async def test_menu_is_opened_changed_and_left_in_place(database: Database) -> None:
    ann = await desk(database)
    await ann.ask("settings")
    assert ann.labels == [
        "Entry: on", "Exit: on", "Update: on", "Crowd: on", "Follow: on", "List: silent",
        "Quiet hours", "Time zone", "Limit", "Digest",
    ]  # fmt: skip
    assert "What to consider" in await ann.press("Entry: on")
    assert lines(ann.buttons) == [
        "settings entry on", "settings entry silent", "settings entry off", "settings",
    ]  # fmt: skip
    assert "Changed." in await ann.press("silent")
    assert "Entry: silent" in ann.labels
    await ann.press("Entry: silent")
    assert "• silent" in ann.labels
    await ann.press("Back")
    assert "Entry: silent" in ann.labels
    assert (await ann.chat()).settings == ChatSettings({AlertKind.ENTRY: Loudness.SILENT})


async def test_every_button_of_every_menu_does_what_it_says(database: Database) -> None:
    ann = await desk(database, Role.OWNER)
    for word in WORDS:
        await ann.ask(f"settings {word}")
        for button in ann.buttons:
            assert len(button.line.encode()) <= 60
            assert button.edits
            text = await ann.ask(button.line, press=True)
            assert ("How this chat is told" in text) is True, button
            assert ann.last is not None
            assert not ann.last.notice


async def test_quiet_hours_zone_cap_and_digest_by_words(database: Database) -> None:
    ann = await desk(database)
    text = await ann.ask("settings quiet 22:00-07:30 Europe/Berlin")
    assert "Quiet hours 22:00 to 07:30 Europe/Berlin, next at 22:00" in text
    ann.clock.at_ms += 10 * 3_600_000
    assert "now, until 07:30" in await ann.ask("settings")
    assert "at most 6" in await ann.ask("settings cap 6")
    assert "Digest daily at 20:00 Europe/Berlin" in await ann.ask("settings digest daily 20")
    assert (await ann.chat()).settings == ChatSettings(
        quiet=QuietHours(time(22), time(7, 30)),
        time_zone="Europe/Berlin",
        hourly_cap=6,
        digest=DigestPeriod.DAILY,
        digest_hour=20,
    )
    text = await ann.ask("settings quiet off")
    assert "Quiet hours none" in text


@pytest.mark.parametrize(
    ("line", "offered", "zone"),
    [
        ("settings zone berlim", "settings zone Europe/Berlin", "Europe/Berlin"),
        ("settings zone New  Yrk", "settings zone America/New_York", "America/New_York"),
        ("settings quiet 22:00-07:00 loondon", "settings quiet 22:00-07:00 Europe/London", "Europe/London"),
        ("settings zone Indianapolis", "settings zone America/Indianapolis", "America/Indianapolis"),
    ],
)
async def test_a_mistyped_zone_comes_back_as_buttons_with_the_nearest(
    database: Database, line: str, offered: str, zone: str
) -> None:
    ann = await desk(database)
    assert "did you mean" in await ann.ask(line)
    assert offered in lines(ann.buttons)
    assert all(len(one.line.encode()) <= 60 and one.edits for one in ann.buttons)
    assert "Changed." in await ann.press(zone)
    assert (await ann.chat()).settings.time_zone == zone


async def test_exits_may_be_turned_off_and_it_says_that_this_is_dangerous(database: Database) -> None:
    ann = await desk(database)
    assert "Exits off (dangerous: nobody tells you to get out)" in await ann.ask("settings exit off")


async def test_trouble_of_the_program_is_for_owners(database: Database) -> None:
    ann = await desk(database)
    for line in ("settings health", "settings health off"):
        assert "told to its owner only" in await ann.ask(line)
    await ann.stores.chats.set_role(ANN, Role.OWNER)
    await ann.ask("settings")
    assert "Health: on" in ann.labels
    assert "Trouble of the program silent" in await ann.ask("settings health silent")


async def test_wrong_words_change_nothing(database: Database) -> None:
    ann = await desk(database)
    for line in ("settings bells on", "settings entry loud", "settings zone qqqqqq", "settings cap 0"):
        assert "expected" in await ann.ask(line)
    await ann.ask("settings entry loud", press=True)
    assert ann.last is not None
    assert "expected on, silent or off" in ann.last.notice
    assert (await ann.chat()).settings == ChatSettings()
