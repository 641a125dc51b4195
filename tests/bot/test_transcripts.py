"""Every command on both platforms, by the real clients: the same facts, and a transcript to read.

``HYPERFADE_WRITE_GOLDEN=1`` writes the transcript anew: read the diff.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bot.telegram import TelegramListener
from core.model.alerts import Channel, Target
from messages.presses import Press, read_press
from tests.support.chat_clients import telegram_bot
from tests.support.chat_desk import CODE, make_commands
from tests.support.chat_facts import LOSER
from tests.support.discord_desk import discord_desk
from tests.support.discord_server import DiscordServer
from tests.support.telegram_listening import Seen
from tests.support.telegram_server import TelegramServer

pytestmark = pytest.mark.asyncio

ANN = 900_000_000_000_000_007

COMMANDS: dict[str, tuple[str, dict[str, str]]] = {
    "help": ("/help", {}),
    "losers": ("/losers 3 by pnl", {"n": "3", "by": "pnl"}),
    "losers again": ("/losers", {}),
    "trader": ("/trader #7", {"who": "#7"}),
    "trader by address": (f"/trader {LOSER}", {"who": LOSER}),
    "opportunities": ("/opportunities", {}),
    "performance": ("/performance 7d ETH", {"period": "7d", "coin": "ETH"}),
    "crowd": ("/crowd btc", {"coin": "btc"}),
    "status": ("/status", {}),
    "subscribe": ("/subscribe BTC ETH 10k 60", {"coins": "BTC ETH", "min_usd": "10k", "min_badness": "60"}),
    "subscriptions": ("/subscriptions", {}),
    "unsubscribe": ("/unsubscribe ETH", {"coin": "ETH"}),
    "subscribe to what?": ("/subscribe", {}),
    "follow": (f"/follow {LOSER} whale", {"who": LOSER, "label": "whale"}),
    "trader by label": ("/trader whale", {"who": "whale"}),
    "unfollow": ("/unfollow whale", {"who": "whale"}),
    "mute": ("/mute BTC 4h", {"what": "BTC", "duration": "4h"}),
    "mute what?": ("/mute", {}),
    "unmute": ("/unmute BTC", {"what": "BTC"}),
    "settings": ("/settings", {}),
    "a setting": ("/settings quiet 22:00-07:00 Europe/Berlin",
                  {"what": "quiet", "value": "22:00-07:00 Europe/Berlin"}),
    "mine": ("/mine 7d", {"period": "7d"}),
    "why": ("/why BTC", {"what": "BTC"}),
    "why what?": ("/why", {}),
    "test": ("/test", {}),
    "pending": ("/pending", {}),
    "approve": ("/approve telegram:8", {"chat": "telegram:8"}),
    "decline": ("/decline telegram:8", {"chat": "telegram:8"}),
    "a wrong coin": ("/crowd BTX", {"coin": "BTX"}),
    "a wrong setting": ("/settings quiet <b>@everyone", {"what": "quiet", "value": "<b>@everyone"}),
    "stop?": ("/stop", {}),
    "start": ("/start", {}),
}  # fmt: skip


@asynccontextmanager
async def telegram(server: TelegramServer) -> AsyncIterator[None]:
    commands, chats, _, _ = make_commands()
    chats.let_in(Target(Channel.TELEGRAM, str(ANN)))
    async with telegram_bot(server) as bot:
        listener = TelegramListener(
            bot, commands, chats, chats.switch_off, chats.move, Seen().is_new, poll_s=1
        )
        async with running(listener.run()):
            yield


@asynccontextmanager
async def discord(server: DiscordServer) -> AsyncIterator[None]:
    async with discord_desk(server, ANN):
        yield


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def facts_of_telegram(text: str) -> list[str]:
    # A list's links: Discord, which counts what is behind them, has those of its cards.
    lines = (line.strip() for line in text.splitlines() if not line.startswith("Explorer:"))
    return [line for line in lines if line]


def facts_of_discord(text: str) -> list[str]:
    text = re.sub(r"\[([^]]*)\]\(<[^>]*>\)", r"\1", text)
    text = re.sub(r"```|\*\*|(?<!\\)`", "", text)
    text = re.sub(r"\\(.)", r"\1", text)
    return [line.strip() for line in text.splitlines() if line.strip()]


async def test_every_command_says_the_same_on_both_platforms(
    telegram_server: TelegramServer, discord_server: DiscordServer
) -> None:
    transcript: dict[str, tuple[str, str]] = {}
    buttons: dict[str, tuple[list[Press | None], list[Press | None]]] = {}
    async with telegram(telegram_server), discord(discord_server):
        for name, (typed, options) in COMMANDS.items():
            on_telegram = await telegram_server.ask(ANN, typed)
            on_discord = await discord_server.command(ANN, typed.split()[0].removeprefix("/"), options)
            transcript[name] = on_telegram.text, on_discord.text
            buttons[name] = (
                [read_press(one.callback_data or "") for one in on_telegram.buttons],
                [read_press(one["custom_id"]) for one in on_discord.buttons],
            )
    for name, (on_telegram_text, on_discord_text) in transcript.items():
        assert facts_of_telegram(on_telegram_text) == facts_of_discord(on_discord_text), name
        assert buttons[name][0] == buttons[name][1], name
    assert sum(len(one) for one, _ in buttons.values()) > 50
    golden = Path(__file__).parent / "transcript.txt"
    text = "".join(f"> {COMMANDS[name][0]}\n{said}\n\n" for name, (said, _) in transcript.items())
    text = text.replace("\xa0", " ")  # where no line ends isn't seen
    if os.environ.get("HYPERFADE_WRITE_GOLDEN"):
        golden.write_text(text)
    assert golden.read_text() == text


async def test_all_commands_are_in_the_transcript() -> None:
    commands, _, _, _ = make_commands()
    asked = {typed.split()[0] for typed, _ in COMMANDS.values()}
    assert {f"/{command.name}" for command in commands.commands} - asked == {"/whoami"}


async def test_ids_are_told_on_both_platforms(
    telegram_server: TelegramServer, discord_server: DiscordServer
) -> None:
    async with telegram(telegram_server), discord(discord_server):
        on_telegram = await telegram_server.ask(ANN, "/whoami")
        on_discord = await discord_server.command(ANN, "whoami")
    place = discord_server.direct_channel(ANN).id
    assert on_telegram.text == f"This chat is telegram:{ANN}, its role is member.\nYou are telegram:{ANN}."
    assert on_discord.text == f"This chat is `discord:{place}`, its role is member.\nYou are `discord:{ANN}`."


async def test_owner_claims_on_both_platforms(
    telegram_server: TelegramServer, discord_server: DiscordServer
) -> None:
    async with telegram(telegram_server), discord(discord_server):
        said = [
            (await telegram_server.ask(8, "/start")).text,
            (await telegram_server.ask(8, f"/start {CODE}")).text,
            (await discord_server.command(8, "start")).text,
            (await discord_server.command(8, "start", {"code": CODE})).text,
        ]
    assert ["private bot" in text for text in said] == [True, False, True, False]
    assert ["owner of this bot now" in text for text in said] == [False, True, False, True]
