"""What is offered while somebody types: few, short, in time, and nothing to strangers."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.answers import Answers
from bot.suggestions import Suggestions, coin_choices, zone_choices
from core.errors import StorageError
from core.model.alerts import Channel, Target
from core.model.chats import Follow, Role
from core.model.market import Address, Coin
from tests.support.chat_desk import ChatRows, FactRows, Noon, trips_of
from tests.support.chat_facts import LOSER

pytestmark = pytest.mark.asyncio

HERE = Target(Channel.DISCORD, "42")
FRIEND = Address("0x" + "9f" * 20)


class Desk:
    """Suggestions over rows that can be slow, broken or counted."""

    def __init__(self, within_s: float = 5.0) -> None:
        self.chats, self.clock, self.facts = ChatRows(), Noon(), FactRows()
        self.chats.let_in(HERE)
        rows: Any = self.facts
        answers = Answers(rows, rows, rows, self.clock, trips_of)
        self.suggestions = Suggestions(answers, self.chats, within_s)

    def follow(self, *follows: Follow) -> None:
        self.chats.rows[HERE] = replace(self.chats.rows[HERE], follows=follows)

    async def names(self, kind: Any, typed: str, target: Target = HERE) -> list[str]:
        return [one.name for one in await self.suggestions.suggest(kind, typed, target)]


async def test_listed_coins_that_begin_so_come_first() -> None:
    coins = [Coin(name) for name in ("WBTC", "BTC", "ETH", "kPEPE")]
    assert [one.value for one in coin_choices("btc", coins)] == ["BTC", "WBTC"]
    assert [one.value for one in coin_choices("pep", coins)] == ["kPEPE"]
    assert await Desk().names("coin", "") == ["BTC", "ETH", "kPEPE"]


async def test_coins_before_the_last_one_stay() -> None:
    coins = [Coin(name) for name in ("BTC", "ETH", "ETC")]
    assert [one.value for one in coin_choices("BTC et", coins)] == ["BTC ETH", "BTC ETC"]
    assert [one.value for one in coin_choices("BTC b", coins)] == []


async def test_zones_are_found_by_any_part_of_their_name() -> None:
    assert [one.value for one in zone_choices("berl")] == ["Europe/Berlin"]
    assert "America/New_York" in [one.value for one in zone_choices("new york")]
    assert [one.value for one in zone_choices("22:00-07:00 berl")] == ["22:00-07:00 Europe/Berlin"]
    assert zone_choices("22:00-07:00") == zone_choices("") == ()
    assert len(await Desk().names("zone", "a")) == 25
    assert (await Desk().names("zone", "ut"))[0] == "UTC"


async def test_followed_traders_come_before_the_worst_losers() -> None:
    desk = Desk()
    desk.follow(Follow(FRIEND, "whale <@everyone>"), Follow(LOSER, None))
    offers = await desk.suggestions.suggest("trader", "", HERE)
    assert [one.value for one in offers[:2]] == [FRIEND, LOSER]
    assert offers[0].name == "whale <＠everyone> (0x9f9f…9f9f)"
    assert offers[2].name.startswith("#1 0x0001")
    assert len({one.value for one in offers}) == len(offers)


@pytest.mark.parametrize(
    ("typed", "first"), [("#7", "#7 0x12ab"), ("7", "#7 0x12ab"), ("0X12AB", "#7 0x12ab"), ("WHA", "whale")]
)
async def test_traders_are_found_by_rank_address_and_label(typed: str, first: str) -> None:
    desk = Desk()
    desk.follow(Follow(FRIEND, "whale"))
    assert (await desk.names("trader", typed))[0].startswith(first)


async def test_where_both_fit_coins_come_before_traders() -> None:
    desk = Desk()
    desk.follow(Follow(FRIEND, "Pepe's friend"))
    offers = await desk.suggestions.suggest("coin or trader", "pepe", HERE)
    assert [one.value for one in offers] == ["kPEPE", FRIEND]
    assert (await desk.names("coin or trader", "#7"))[0].startswith("#7 0x12ab")


async def test_nobody_else_sees_a_chats_labels_and_strangers_see_nothing() -> None:
    desk = Desk()
    desk.follow(Follow(FRIEND, "whale"))
    other, waiting = Target(Channel.DISCORD, "43"), Target(Channel.DISCORD, "44")
    desk.chats.let_in(other)
    desk.chats.let_in(waiting, Role.PENDING)
    assert await desk.names("trader", "whale", other) == []
    assert await desk.names("coin", "", waiting) == []
    assert await desk.names("coin", "", Target(Channel.DISCORD, "45")) == []


async def test_slow_or_broken_store_offers_nothing_in_time() -> None:
    desk = Desk(within_s=0.05)

    async def never() -> None:
        await asyncio.Event().wait()

    desk.facts.coins = never  # type: ignore[method-assign,assignment]  # rows of the test, not of ours
    assert await desk.names("coin", "B") == []
    desk.chats.failure = StorageError("the database is down")
    assert await desk.names("zone", "") == []


async def test_every_key_doesnt_ask_the_database_again() -> None:
    desk, asked = Desk(), []
    ranking = desk.facts.ranking

    async def counted(as_of_ms: int | None = None) -> Any:
        asked.append(as_of_ms)
        return await ranking(as_of_ms)

    desk.facts.ranking = counted  # type: ignore[method-assign]
    for typed in ("", "#", "#7"):
        await desk.names("trader", typed)
    assert len(asked) == 1
    desk.clock.at_ms += 60_000
    await desk.names("trader", "#7")
    assert len(asked) == 2


async def test_choices_are_few_and_short() -> None:
    desk = Desk()
    desk.follow(
        *(Follow(Address(f"0x{n:040x}"), "n" * 300) for n in range(40)), Follow(Address("x" * 101), None)
    )
    offers = await desk.suggestions.suggest("trader", "", HERE)
    assert len(offers) == 25
    assert all(len(one.name) <= 100 and len(one.value) <= 100 for one in offers)
    assert await desk.names("coin", "x" * 6000) == []
