"""Commands behave alike on every platform: typos, order, subscriptions, the console."""

import asyncio
import re

import pytest

from bot.commands import Commands
from bot.requests import Request
from core.model.alerts import Channel, Target
from core.model.chats import Chat, Role, Subscription
from core.model.market import Coin
from messages.limits import DISCORD_COMMAND_DESCRIPTION
from tests.support.chat_desk import ChatRows, make_commands
from tests.support.chat_facts import LOSER

pytestmark = pytest.mark.asyncio

HERE = Target(Channel.TELEGRAM, "7")


async def _yes() -> bool:
    return True


def request(text: str = "", target: Target = HERE) -> Request:
    return Request(target, "7", "Ann", True, tuple(text.split()), _yes)


async def ask(commands: Commands, text: str, target: Target = HERE) -> str:
    name, _, rest = text.partition(" ")
    reply = await commands.handle(name, request(rest, target))
    assert reply is not None
    return re.sub(r"<[^>]+>", "", reply.text)


async def member() -> tuple[Commands, ChatRows]:
    commands, chats, _, _ = make_commands()
    chats.let_in(HERE)
    return commands, chats


async def test_list_is_fit_for_both_platforms_menus() -> None:
    commands, _ = await member()
    for command in commands.commands:
        assert re.fullmatch(r"[a-z]{1,32}", command.name)
        assert 1 <= len(command.help) <= DISCORD_COMMAND_DESCRIPTION
        required = [argument.is_required for argument in command.arguments]
        assert required == sorted(required, reverse=True)
        for argument in command.arguments:
            assert re.fullmatch(r"[a-z_]{1,32}", argument.name)
            assert 1 <= len(argument.help) <= DISCORD_COMMAND_DESCRIPTION


async def test_every_command_is_in_help_the_owners_for_owners() -> None:
    commands, chats = await member()
    for role in (Role.MEMBER, Role.OWNER):
        chats.let_in(HERE, role)
        text = await ask(commands, "help")
        assert [line.split()[0].rstrip(":") for line in text.splitlines() if line.startswith("/")] == [
            f"/{command.name}"
            for command in commands.commands
            if role is Role.OWNER or not command.for_owners
        ]


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("loosers", "Did you mean /losers?"),
        ("subscibe", "Did you mean /subscribe?"),
        ("xyzzy", "/help lists"),
    ],
)
async def test_typo_gets_the_nearest_command(typed: str, hint: str) -> None:
    commands, _ = await member()
    assert hint in await ask(commands, typed)


async def test_trader_is_found_by_rank_address_and_bare_number() -> None:
    commands, _ = await member()
    by_rank = await ask(commands, "trader #7")
    assert "On the list at rank 7" in by_rank
    assert await ask(commands, "trader 7") == by_rank
    assert await ask(commands, f"trader {LOSER.upper().replace('0X', '0x')}") == by_rank
    assert "Nobody has rank 99" in await ask(commands, "trader #99")
    assert "is not an account address" in await ask(commands, "trader 0x12")
    assert "Which trader?" in await ask(commands, "trader")


async def test_losers_are_as_many_as_asked_and_sorted_as_asked() -> None:
    commands, _ = await member()
    text = await ask(commands, "losers 2 by loss")
    assert "(by loss)" in text
    assert len(re.findall(r"^ +\d ", text, re.MULTILINE)) == 2


async def test_subscriptions_come_and_go() -> None:
    commands, chats = await member()
    assert "This chat gets no alerts." in await ask(commands, "subscriptions")
    assert "• BTC, from $10.0k, badness from 60" in await ask(commands, "subscribe btc 10k 60")
    assert "• kPEPE" in await ask(commands, "subscribe kpepe")
    assert chats.rows[HERE].subscriptions == (
        Subscription(Coin("BTC"), 10_000.0, 60.0),
        Subscription(Coin("kPEPE")),
    )
    assert "There was no subscription of ETH." in await ask(commands, "unsubscribe ETH")
    assert "Unsubscribed from BTC." in await ask(commands, "unsubscribe btc")
    assert "No more alerts of which coin?" in await ask(commands, "unsubscribe")
    assert "Unsubscribed from everything." in await ask(commands, "unsubscribe all")
    assert chats.rows[HERE].subscriptions == ()
    await ask(commands, "subscribe all")
    assert "This chat gets all coins. /mute BTC 7d" in await ask(commands, "unsubscribe BTC")
    assert "Unsubscribed from everything." in await ask(commands, "unsubscribe all")


async def test_wrong_argument_is_explained_in_one_line() -> None:
    commands, _ = await member()
    assert await ask(commands, "crowd BTX") == "'BTX' is not a listed coin: did you mean BTC?"
    assert "expected 1 to 50" in await ask(commands, "losers 0")


async def test_console_needs_no_permission() -> None:
    commands, chats, _, _ = make_commands()
    console = Target(Channel.CONSOLE, "stdout")
    assert "The most reliable losers" in await ask(commands, "losers", console)
    assert console in chats.rows


class SlowFirst(ChatRows):
    """Stores the first subscription slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.let_in(HERE)
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def subscribe(self, target: Target, subscription: Subscription) -> None:
        self.asked.set()
        await self.go_on.wait()
        await super().subscribe(target, subscription)


async def test_one_chats_commands_keep_their_order_and_delay_nobody_else() -> None:
    chats = SlowFirst()
    chats.let_in(Target(Channel.TELEGRAM, "8"))
    commands, _, _, _ = make_commands(chats=chats)
    first = asyncio.create_task(ask(commands, "subscribe BTC"))
    await chats.asked.wait()
    second = asyncio.create_task(ask(commands, "unsubscribe BTC"))
    assert "Commands" in await ask(commands, "help", Target(Channel.TELEGRAM, "8"))
    assert not second.done()
    chats.go_on.set()
    assert "Subscribed." in await first
    assert "Unsubscribed from BTC." in await second
    chat: Chat = chats.rows[HERE]
    assert chat.subscriptions == ()
    assert len(commands._turns) == 0
