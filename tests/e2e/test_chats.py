"""`run` against a simulated exchange and both platforms: who gets in, what is told, what an outage costs."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from exchange.simulated import SimulatedExchange, SimulationConfig
from storage.database import Database
from tests.support.command_line import Running, running_command
from tests.support.discord_objects import DiscordMessage
from tests.support.discord_server import DiscordServer
from tests.support.faults import bad_gateway
from tests.support.telegram_chats import ChatMessage
from tests.support.telegram_server import TelegramServer

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(300)]

ANN, EVE = 7, 8
DAN = 900_000_000_000_000_007
ENTRY = re.compile(r"(?:Consider|Ended:) (?:LONG|SHORT) \S+ (#[A-Z0-9]{4})")
"""An entry's message says so itself when it has ended."""
EXIT = re.compile(r"Get out: (?:LONG|SHORT) \S+ (#[A-Z0-9]{4})")
FACT = re.compile(r"0x[0-9a-f]+|/\w+|[\d,]*\d(?:\.\d+)?")
PASSING = re.compile(r"(?:[\d.]+\s(?:ms|s|min)\s)+ago|\(<?https?://[^)]*\)|^Explorer:.*$", re.MULTILINE)
"""How old an answer is, and links: Telegram keeps their ends out of the text, and has room for a list's."""
LONG_S = 60.0


@asynccontextmanager
async def live(
    folder: Path, dsn: str, telegram: TelegramServer | None, discord: DiscordServer, **more: str
) -> AsyncIterator[Running]:
    """Run the product against a busy little exchange and the given platforms."""
    config = SimulationConfig(accounts=150, pace=8.0, brief_s=600.0, weight_per_minute=200_000)
    async with SimulatedExchange(config) as exchange:
        settings = {
            "HYPERFADE_DATABASE_URL": dsn,
            "HYPERFADE_EXCHANGE_URL": exchange.url,
            "HYPERFADE_EXCHANGE_WS_URL": exchange.ws_url,
            "HYPERFADE_LEADERBOARD_URL": exchange.leaderboard_url,
            "HYPERFADE_WEIGHT_PER_MINUTE": "100000",
            "HYPERFADE_CANDIDATES": "30",
            "HYPERFADE_SAMPLE": "5",
            "HYPERFADE_PLACEBO": "0",
            "HYPERFADE_LOSERS": "30",
            "HYPERFADE_MIN_NOTIONAL_USD": "300",
            "HYPERFADE_CROWD_LOSERS": "0",  # each entry a message of its own: they are counted
            "HYPERFADE_OWNERS": f"discord:{DAN}",
            "HYPERFADE_DISCORD_TOKEN": discord.token,
            "HYPERFADE_DISCORD_API_URL": discord.api_url,
            "HYPERFADE_DISCORD_GATEWAY_URL": str(discord.gateway_url),
            **more,
        }
        if telegram is not None:
            settings["HYPERFADE_TELEGRAM_TOKEN"] = telegram.token
            settings["HYPERFADE_TELEGRAM_BASE_URL"] = telegram.base_url
        async with running_command(folder, "run", **settings) as running:
            yield running


def told(messages: Sequence[ChatMessage | DiscordMessage], kind: re.Pattern[str]) -> list[str]:
    """Return the short ids of the alerts of one kind, in order."""
    found = [kind.search(message.text) for message in messages]
    return [match.group(1) for match in found if match]


async def test_the_whole_way(
    tmp_path: Path,
    database: Database,
    database_dsn: str,
    telegram_server: TelegramServer,
    discord_server: DiscordServer,
) -> None:
    debug = {"HYPERFADE_LOG_LEVEL": "debug"}
    async with live(tmp_path, database_dsn, telegram_server, discord_server, **debug) as running:
        await claim(running, telegram_server)
        await discord_server.wait_for(lambda: discord_server.commands, LONG_S)
        await running.says("losers listed of", LONG_S)
        await same_facts(telegram_server, discord_server)
        await telegram_server.ask(ANN, "/subscribe all")
        await discord_server.command(DAN, "subscribe", {"coins": "all"})
        await entry_and_exit(telegram_server, discord_server)
        await outage(telegram_server, discord_server, database)
        await doubt(telegram_server, database)
        assert running.process.returncode is None
        assert await running.stop() == 0
    assert not any("0x" in message.text for message in telegram_server.messages(EVE))
    for token in (telegram_server.token, telegram_server.token.partition(":")[2], discord_server.token):
        assert token not in running.text
    assert "Traceback" not in running.text


async def claim(running: Running, telegram: TelegramServer) -> None:
    """The printed code makes the first who sends it the owner, once."""
    line = await running.says("To own this bot")
    found = re.search(r"/start (\w+)", line)
    assert found is not None
    welcome = await telegram.ask(ANN, f"/start {found.group(1)}")
    assert "owner" in welcome.text
    refused = await telegram.ask(EVE, f"/start {found.group(1)}")
    assert "private bot" in refused.text
    await telegram.send_text(EVE, "/losers")


async def same_facts(telegram: TelegramServer, discord: DiscordServer) -> None:
    """Both chats answer the same questions with the same facts."""
    for name, options in (("losers", {"n": "40"}), ("trader", {"who": "#1"}), ("help", {})):
        here = await telegram_says(telegram, " ".join((f"/{name}", *options.values())))
        there = (await discord.command(DAN, name, options)).text
        facts = [FACT.findall(PASSING.sub("", text)) for text in (here, there)]
        assert facts[0], name
        # A trader's lists are longer where there is more room.
        compared = slice(None, 50) if name == "trader" else slice(None)
        assert facts[0][compared] == facts[1][compared], (here, there)
    for name in ("opportunities", "performance"):
        # Something may be published or end between two questions: ask one chat on both sides of the other.
        before = await telegram_says(telegram, f"/{name}")
        there = (await discord.command(DAN, name)).text
        after = await telegram_says(telegram, f"/{name}")
        opening = there.replace("*", "").split()[:2]
        assert opening in (before.split()[:2], after.split()[:2]), (before, there, after)


async def telegram_says(telegram: TelegramServer, line: str) -> str:
    """Return the words of an answer: a chart that they are too long for comes before them."""
    before = len(telegram.messages(ANN))
    message = await telegram.ask(ANN, line)
    if message.file is not None and message.text.startswith("Chart of "):
        message = await telegram.wait_for_message(ANN, after=before + 1)
    return message.text


async def entry_and_exit(telegram: TelegramServer, discord: DiscordServer) -> None:
    """An entry arrives in both chats, and its exit answers it."""

    def both_ended() -> list[str]:
        here = told(telegram.messages(ANN), EXIT)
        there = told(discord.direct_messages(DAN), EXIT)
        return [one for one in here if one in there]

    [ended, *_] = await telegram.wait_for(both_ended, LONG_S)
    chats: tuple[Sequence[ChatMessage | DiscordMessage], ...]
    chats = telegram.messages(ANN), discord.direct_messages(DAN)
    for messages in chats:
        [entry] = [one for one in messages if told([one], ENTRY) == [ended]]
        [exit_] = [one for one in messages if told([one], EXIT) == [ended]]
        entry_id = entry.message_id if isinstance(entry, ChatMessage) else entry.id
        assert exit_.reply_to == entry_id


async def outage(telegram: TelegramServer, discord: DiscordServer, database: Database) -> None:
    """Telegram away: the other chat goes on; what was missed comes afterwards, once and in order.

    An entry whose opportunity ended meanwhile isn't sent any more: it is expired, not lost.
    """
    await telegram.close()
    before = len(told(discord.direct_messages(DAN), ENTRY))
    seen = len(told(telegram.messages(ANN), ENTRY))
    await discord.wait_for(lambda: len(told(discord.direct_messages(DAN), ENTRY)) >= before + 3, LONG_S)
    assert len(told(telegram.messages(ANN), ENTRY)) == seen
    await telegram.open()

    def arrived() -> set[str]:
        return set(told(discord.direct_messages(DAN), ENTRY)[before:]) & set(
            told(telegram.messages(ANN), ENTRY)[seen:]
        )

    await telegram.wait_for(arrived, LONG_S)
    async with database.connection() as connection:
        dead = await connection.fetchval("select count(*) from alerts where state = 'dead'")
    assert dead == 0
    chats: tuple[Sequence[ChatMessage | DiscordMessage], ...]
    chats = telegram.messages(ANN), discord.direct_messages(DAN)
    for messages in chats:
        for kind in (ENTRY, EXIT):
            ids = told(messages, kind)
            assert len(ids) == len(set(ids))
    here = told(telegram.messages(ANN), ENTRY)
    there = [one for one in told(discord.direct_messages(DAN), ENTRY) if one in here]
    assert [one for one in here if one in there] == there


async def doubt(telegram: TelegramServer, database: Database) -> None:
    """A message that arrived though its answer was lost is unknown, and not sent again."""
    entries = len(told(telegram.messages(ANN), ENTRY))
    telegram.fail(bad_gateway(accepted=True), chat_id=ANN, method="sendMessage", says="Consider ")
    await telegram.wait_for(lambda: len(told(telegram.messages(ANN), ENTRY)) > entries + 2, LONG_S)
    doubted = told(telegram.messages(ANN), ENTRY)[entries]
    assert told(telegram.messages(ANN), ENTRY).count(doubted) == 1
    async with database.connection() as connection:
        states = await connection.fetchval(
            "select count(*) from alerts where channel = 'telegram' and state = 'unknown'"
        )
    assert states >= 1


async def test_a_discord_that_is_away_at_the_start(
    tmp_path: Path, database_dsn: str, discord_server: DiscordServer
) -> None:
    await discord_server.close()
    async with live(tmp_path, database_dsn, None, discord_server) as running:
        await running.says("discord doesn't answer yet")
        await running.says("of the leaderboard")  # the core doesn't wait for it
        await discord_server.open()
        await running.says("discord listens", LONG_S)
        assert "Commands" in (await discord_server.command(DAN, "help")).text
        assert await running.stop() == 0
