"""Who is let in, who gets one polite line, and who may change a group's settings."""

from dataclasses import replace

import pytest

from bot.access import POLITE_EVERY_MS, WRONG_CODES
from bot.commands import Commands
from bot.requests import Request
from core.errors import StorageError
from core.model.alerts import Channel, Target
from core.model.chats import Role
from tests.support.chat_desk import CODE, make_commands

pytestmark = pytest.mark.asyncio

PRIVATE = Target(Channel.TELEGRAM, "7")
GROUP = Target(Channel.TELEGRAM, "-100")


def request(
    text: str = "", target: Target = PRIVATE, user_id: str | None = "7", *, admin: bool = False
) -> Request:
    async def is_administrator() -> bool:
        return admin

    return Request(
        target=target,
        user_id=user_id,
        title="Ann",
        is_private=not target.chat.startswith("-"),
        words=tuple(text.split()),
        is_administrator=is_administrator,
        within=replace(target, thread="") if target.thread else None,
    )


async def ask(commands: Commands, name: str, asked: Request) -> str | None:
    reply = await commands.handle(name, asked)
    return None if reply is None else reply.text


async def test_stranger_gets_one_polite_line_an_hour_and_nothing_else() -> None:
    commands, chats, _, clock = make_commands()
    line = await ask(commands, "losers", request())
    assert line is not None
    assert line.startswith("This is a private bot.")
    assert "telegram:7" in line
    for name in ("losers", "whoami", "start", "nonsense"):
        assert await ask(commands, name, request()) is None
    clock.at_ms += POLITE_EVERY_MS
    assert await ask(commands, "losers", request()) == line
    assert chats.rows[PRIVATE].role is Role.PENDING


async def test_discord_stranger_is_always_answered_since_a_slash_command_waits() -> None:
    commands, _, _, _ = make_commands()
    place = Target(Channel.DISCORD, "55")
    for _ in range(3):
        assert "private bot" in (await ask(commands, "losers", request(target=place)) or "")


async def test_first_owner_claims_with_the_code_and_only_once() -> None:
    commands, chats, _, _ = make_commands()
    welcome = await ask(commands, "start", request(CODE))
    assert "You are the owner of this bot now" in (welcome or "")
    assert chats.rows[PRIVATE].role is Role.OWNER
    other = Target(Channel.TELEGRAM, "8")
    assert "private bot" in (await ask(commands, "start", request(CODE, other, "8")) or "")
    assert chats.rows[other].role is Role.PENDING


async def test_guessing_the_code_is_stopped() -> None:
    commands, _, _, clock = make_commands()
    for _ in range(WRONG_CODES):
        await ask(commands, "start", request("guess"))
    await ask(commands, "start", request(CODE))
    assert "private bot" not in (await ask(commands, "losers", request()) or "")
    assert await ask(commands, "losers", request()) is None
    clock.at_ms += POLITE_EVERY_MS
    assert "owner of this bot now" in (await ask(commands, "start", request(CODE)) or "")


async def test_ids_in_the_settings_are_owners() -> None:
    commands, chats, _, _ = make_commands("list", frozenset({"telegram:7", "discord:9"}))
    assert "Hyperfade" in (await ask(commands, "start", request()) or "")
    assert chats.rows[PRIVATE].role is Role.OWNER
    channel = Target(Channel.DISCORD, "-55")
    assert "Hyperfade" in (await ask(commands, "start", request(target=channel, user_id="9")) or "")
    assert chats.rows[channel].role is Role.MEMBER
    assert "private bot" in (await ask(commands, "start", request(target=GROUP, user_id="8")) or "")


async def test_open_bot_lets_everybody_in() -> None:
    commands, chats, _, _ = make_commands("open")
    assert "Commands" in (await ask(commands, "help", request()) or "")
    assert chats.rows[PRIVATE].role is Role.MEMBER


async def test_the_declined_stay_out_of_an_open_bot() -> None:
    commands, chats, _, _ = make_commands("open")
    chats.let_in(PRIVATE, Role.DECLINED)
    topic = replace(GROUP, thread="3")
    chats.let_in(GROUP, Role.DECLINED)
    assert await ask(commands, "help", request()) is None
    assert await ask(commands, "start", request(target=GROUP, user_id="8")) is None
    commands, chats, _, _ = make_commands(chats=chats)
    # A group's topics and a channel's threads were met by the same word.
    for name in ("help", "start"):
        assert await ask(commands, name, request(target=topic, user_id="8")) is None
    assert topic not in chats.rows


async def test_owner_brings_the_bot_into_a_group_and_its_topics() -> None:
    commands, chats, _, _ = make_commands()
    chats.let_in(PRIVATE, Role.OWNER)
    assert "private bot" in (await ask(commands, "start", request(target=GROUP, user_id="8")) or "")
    assert "Hyperfade" in (await ask(commands, "start", request(target=GROUP, user_id="7")) or "")
    assert "Commands" in (await ask(commands, "help", request(target=GROUP, user_id="8")) or "")
    topic = replace(GROUP, thread="3")
    assert "Commands" in (await ask(commands, "help", request(target=topic, user_id="8")) or "")


@pytest.mark.parametrize("name", ["subscribe", "unsubscribe"])
async def test_only_administrators_change_a_group(name: str) -> None:
    commands, chats, _, _ = make_commands()
    chats.let_in(GROUP)
    refused = "In a group only its administrators can change what it gets."
    assert await ask(commands, name, request("BTC", GROUP)) == refused
    nameless = await ask(commands, name, request("BTC", GROUP, None, admin=True)) or ""
    assert "doesn't tell who wrote it. A press on a button does" in nameless
    assert await ask(commands, name, request("BTC", GROUP, admin=True)) != refused


async def test_chat_that_was_switched_off_and_writes_again_is_switched_on() -> None:
    commands, chats, _, _ = make_commands()
    chats.let_in(PRIVATE)
    await chats.switch_off(PRIVATE, "blocked")
    await ask(commands, "help", request())
    assert chats.rows[PRIVATE].disabled_reason is None


async def test_database_down_is_said_in_one_line() -> None:
    commands, chats, _, _ = make_commands()
    chats.failure = StorageError("postgresql://user:hunter2@db refuses")
    text = await ask(commands, "losers", request())
    assert text == "That can't be answered now. Please try again in a minute."
