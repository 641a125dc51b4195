"""Lists turn their pages, sort and refresh by buttons; a trader is found by this chat's own name."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.commands import Commands
from bot.requests import Picture, Reply, Request
from bot.rows import MOST_LINE, button
from core.loser_order import LOSER_SORTS
from core.model.alerts import Channel, Target
from core.model.answers import PerformanceAnswer, TraderAnswer
from core.model.buttons import Button
from core.model.chats import Follow
from core.model.market import Coin
from core.model.opportunities import Crowd, LiveOpportunity
from core.model.traders import Ranking
from messages.limits import TELEGRAM_TABLE_COLUMNS
from tests.support.chat_desk import ChatRows, FactRows, make_commands
from tests.support.chat_facts import (
    LOSER,
    NOW_MS,
    make_losers,
    make_opportunity,
)

pytestmark = pytest.mark.asyncio

HERE = Target(Channel.TELEGRAM, "7")


async def _yes() -> bool:
    return True


@dataclass
class Painter:
    """Draws the same dot for everything, or nothing."""

    picture: Picture | None = field(default_factory=lambda: Picture("dot.png", b"png", "a dot"))
    asked: list[TraderAnswer | PerformanceAnswer] = field(default_factory=list)

    async def trader(self, answer: TraderAnswer) -> Picture | None:
        self.asked.append(answer)
        return self.picture

    async def performance(self, answer: PerformanceAnswer) -> Picture | None:
        self.asked.append(answer)
        return self.picture


@dataclass
class Desk:
    """One chat that is let in."""

    commands: Commands
    chats: ChatRows
    facts: FactRows
    target: Target = HERE

    async def ask(self, line: str) -> Reply:
        """Type or press a command line."""
        name, *words = line.split()
        reply = await self.commands.handle(name, Request(self.target, "7", "Ann", True, tuple(words), _yes))
        assert reply is not None
        for one in (one for row in reply.buttons for one in row):
            assert len(one.line.encode()) <= MOST_LINE
        assert len(reply.buttons) <= 5
        assert all(len(row) <= 5 for row in reply.buttons)
        return reply

    async def press(self, reply: Reply, label: str) -> Reply:
        return await self.ask(the(reply, label).line)


def desk(channel: Channel = Channel.TELEGRAM, charts: Any = None) -> Desk:
    commands, chats, facts, _ = make_commands(charts=charts)
    target = replace(HERE, channel=channel)
    chats.let_in(target)
    return Desk(commands, chats, facts, target)


def many(count: int) -> Ranking:
    items = make_losers(count).items
    return Ranking("r1", make_losers().as_of_ms or 0, 2380, items, label_fdr=0.031)


def the(reply: Reply, label: str) -> Button:
    return next(one for row in reply.buttons for one in row if one.label == label)


def labels(reply: Reply) -> list[str]:
    return [one.label for row in reply.buttons for one in row]


def ranks(reply: Reply) -> list[int]:
    return [int(found) for found in re.findall(r"^ *(\d+) \w{4}…", reply.text, re.MULTILINE)]


# --- the list ----------------------------------------------------------------------------------


async def test_list_turns_its_pages_in_place() -> None:
    here = desk()
    here.facts.run = many(40)
    first = await here.ask("losers 15")
    assert "1–15 of 40" in first.text
    assert "‹ prev" not in labels(first)
    second = await here.press(first, "next ›")
    assert "16–30 of 40" in second.text
    last = await here.press(second, "next ›")
    assert "31–40 of 40" in last.text
    assert "next ›" not in labels(last)
    assert (await here.press(last, "‹ prev")).text == second.text
    assert (await here.press(second, "‹ prev")).text == first.text
    assert the(first, "next ›").edits
    assert ranks(last) == list(range(31, 41))


async def test_refresh_shows_the_same_page_again() -> None:
    here = desk()
    here.facts.run = many(40)
    page = await here.ask("losers 7 by loss from 8")
    assert the(page, "↻ refresh") == Button("↻ refresh", "losers 7 by loss from 8", edits=True)
    assert (await here.press(page, "↻ refresh")).text == page.text


async def test_sorting_begins_at_the_first_page_and_keeps_the_rest() -> None:
    here = desk()
    page = await here.ask("losers 2 btc by pnl from 2")
    assert "• 30 d" in labels(page)
    assert the(page, "markout").line == "losers 2 BTC by markout"
    assert the(page, "badness").line == "losers 2 BTC"
    assert "(BTC, by markout)" in (await here.press(page, "markout")).text


async def test_a_platform_that_shows_less_goes_on_after_what_it_showed() -> None:
    here = desk(Channel.DISCORD)
    here.facts.run = many(120)
    seen: list[int] = []
    reply = await here.ask("losers 50")
    while True:
        found = ranks(reply)
        assert found
        assert f"{found[0]}–{found[-1]} of 120".replace("120–120", "120") in reply.text
        seen += found
        if "next ›" not in labels(reply):
            break
        reply = await here.press(reply, "next ›")
    assert seen == list(range(1, 121))


async def test_a_page_beyond_the_end_is_the_last() -> None:
    here = desk()
    here.facts.run = many(12)
    assert "11–12 of 12" in (await here.ask("losers 5 from 999999")).text


async def test_first_five_of_a_page_have_their_cards() -> None:
    here = desk()
    here.facts.run = many(20)
    page = await here.ask("losers 10 from 11")
    cards = [one for one in (b for row in page.buttons for b in row) if one.line.startswith("trader ")]
    assert [card.label for card in cards] == ["#11", "#12", "#13", "#14", "#15"]
    assert not cards[0].edits
    assert "rank 11" in (await here.press(page, "#11")).text


async def test_discord_has_room_for_forty_losers_on_a_page() -> None:
    here = desk(Channel.DISCORD)
    here.facts.run = many(120)
    for sort in LOSER_SORTS:
        page = await here.ask(f"losers 40 by {sort}")
        assert ranks(page) == list(range(1, 41))
        table = page.text.split("```")[1].strip("\n").splitlines()
        assert len({len(line) for line in table}) == 1
        assert all(len(line) <= TELEGRAM_TABLE_COLUMNS for line in table)
    card = await here.press(page, "#1")
    assert f"/explorer/address/{the(page, '#1').line.split()[1]}" in card.text


async def test_every_address_of_the_list_leads_to_the_explorer() -> None:
    here = desk()
    text = (await here.ask("losers")).text
    assert here.facts.run is not None
    for standing in here.facts.run.listed:
        assert f"/explorer/address/{standing.address}" in text


async def test_before_the_first_ranking_there_is_only_refresh() -> None:
    here = desk()
    here.facts.run = None
    assert labels(await here.ask("losers")) == ["↻ refresh"]


# --- one trader --------------------------------------------------------------------------------


def follow(here: Desk, *follows: Follow) -> None:
    here.chats.rows[here.target] = replace(here.chats.rows[here.target], follows=follows)


OTHER = make_losers(2).items[1].address


async def test_without_a_name_the_worst_and_the_followed_are_offered() -> None:
    here = desk()
    follow(here, Follow(OTHER, "whale"), Follow(LOSER, None))
    asked = await here.ask("trader")
    assert "Which trader?" in asked.text
    assert labels(asked) == ["#1", "#2", "#3", "#4", "#5", "whale", "12ab…34ef"]
    assert OTHER in (await here.press(asked, "whale")).text


async def test_a_chats_own_name_comes_first() -> None:
    here = desk()
    follow(here, Follow(OTHER, "3"), Follow(LOSER, "Big Fish"))
    assert OTHER in (await here.ask("trader 3")).text
    by_name = await here.ask("trader big fish")
    assert "Big Fish" in by_name.text
    assert LOSER in by_name.text
    assert LOSER in (await here.ask("trader BIG")).text
    assert "rank 2" in (await here.ask("trader #2")).text


async def test_a_name_of_several_asks_which() -> None:
    here = desk()
    follow(here, Follow(OTHER, "whale one"), Follow(LOSER, "whale two"))
    asked = await here.ask("trader whale")
    assert labels(asked) == ["whale one", "whale two"]
    assert LOSER in (await here.press(asked, "whale two")).text


async def test_an_unknown_name_offers_whom_there_is() -> None:
    asked = await desk().ask("trader nobody")
    assert "No trader's label begins with" in asked.text
    assert labels(asked)[:2] == ["#1", "#2"]


async def test_a_card_can_be_followed_muted_and_refreshed() -> None:
    here = desk()
    card = await here.ask("trader #7")
    assert the(card, "follow").line == f"follow {LOSER}"
    assert the(card, "mute 24 h").line == f"mute {LOSER} 24h"
    assert the(card, "↻ refresh").edits
    follow(here, Follow(LOSER, None))
    assert the(await here.press(card, "↻ refresh"), "unfollow").line == f"unfollow {LOSER}"


async def test_hostile_labels_make_harmless_buttons() -> None:
    here = desk()
    follow(here, Follow(LOSER, "\u202e@everyone" + "x" * 300))
    (label,) = [one for one in labels(await here.ask("trader")) if not one.startswith("#")]
    assert len(label) <= 24
    assert "\u202e" not in label


async def test_trader_and_score_come_with_a_picture() -> None:
    painter = Painter()
    here = desk(charts=painter)
    assert (await here.ask("trader #7")).picture == painter.picture
    assert (await here.ask("performance all")).picture == painter.picture
    assert [type(one) for one in painter.asked] == [TraderAnswer, PerformanceAnswer]


async def test_an_answer_without_a_picture_is_still_an_answer() -> None:
    reply = await desk(charts=Painter(None)).ask("trader #7")
    assert reply.picture is None
    assert "rank 7" in reply.text


# --- the rest ----------------------------------------------------------------------------------


async def test_opportunities_come_in_pages_of_ten_with_their_coins() -> None:
    here = desk()
    coins = ("BTC", "ETH", "kPEPE")
    living = [
        LiveOpportunity(
            make_opportunity(
                opportunity_id=f"{nth:026d}",
                short_id=f"N{nth:03d}",
                published_ms=NOW_MS - nth,
                coin=Coin(coins[nth % 3]),
            ),
            5.0,
            -2.0,
        )
        for nth in range(23)
    ]

    async def live(rehearsal: bool = False) -> list[LiveOpportunity]:
        return living

    here.facts.live = live  # type: ignore[method-assign]
    first = await here.ask("opportunities")
    assert "1–10 of 23" in first.text
    assert "Ended lately" in first.text
    second = await here.press(first, "next ›")
    third = await here.press(second, "next ›")
    assert "21–23 of 23" in third.text
    assert "Ended lately" not in third.text
    told = [re.findall(r"#N(\d{3})", page.text) for page in (first, second, third)]
    assert [int(one) for page in told for one in page] == list(range(23))
    of_coin = await here.press(first, "kPEPE")
    assert "(kPEPE)" in of_coin.text
    assert {"all coins", "kPEPE crowd", "losers in kPEPE"} <= set(labels(of_coin))


async def test_crowd_comes_in_pages_of_ten_with_their_coins() -> None:
    here = desk()
    rows = [Crowd(Coin(f"C{nth:02d}"), 1, 2, 1e6 - nth, 0.0) for nth in range(11)]

    async def crowd(coin: Coin | None = None) -> list[Crowd]:
        return [one for one in rows if coin in (None, one.coin)]

    here.facts.crowd = crowd  # type: ignore[method-assign]
    first = await here.ask("crowd")
    assert "1–10 of 11" in first.text
    second = await here.press(first, "next ›")
    assert "11 of 11" in second.text
    assert labels(second) == ["‹ prev", "↻ refresh", "C10"]


async def test_score_changes_its_period_in_place() -> None:
    here = desk()
    score = await here.ask(f"performance {LOSER}")
    assert labels(score) == ["7d", "• 30d", "all time", "↻ refresh"]
    assert the(score, "all time") == Button("all time", f"performance all {LOSER}", edits=True)
    assert f"/explorer/address/{LOSER}" in score.text
    assert "(all time)" in (await here.press(score, "all time")).text


async def test_few_results_are_said_to_draw_no_curve() -> None:
    assert "No curve yet: 1 result, drawn from 5 on." in (await desk().ask("performance")).text


async def test_status_refreshes_in_place() -> None:
    assert (await desk().ask("status")).buttons == ((Button("↻ refresh", "status", edits=True),),)


async def test_a_wrong_coin_offers_the_line_with_the_right_one() -> None:
    here = desk()
    said = await here.ask("losers 3 BTX by pnl")
    assert "did you mean BTC" in said.text
    assert the(said, "BTC") == Button("BTC", "losers 3 BTC by pnl", edits=True)
    assert "(BTC, by pnl)" in (await here.press(said, "BTC")).text
    assert the(await here.ask("crowd kpep"), "kPEPE").line == "crowd kPEPE"


async def test_a_wrong_sorting_offers_all_there_are() -> None:
    here = desk()
    said = await here.ask("losers by luck")
    assert labels(said) == ["badness", "pnl", "loss", "winrate", "markout"]
    assert "(by loss)" in (await here.press(said, "loss")).text


@pytest.mark.parametrize("words", ["from", "from 0", "from x", "from -3", f"from {'9' * 40}", "from 1.5"])
async def test_an_impossible_place_is_explained(words: str) -> None:
    here = desk()
    for command in ("losers", "crowd", "opportunities"):
        assert "Expected a number from 1 on" in (await here.ask(f"{command} {words}")).text


async def test_a_line_too_long_for_a_button_makes_none() -> None:
    assert button("x", "trader", "y" * (MOST_LINE - len("trader "))) is not None
    assert button("x", "trader", "y" * (MOST_LINE - len("trader ") + 1)) is None
    assert button("x", "trader", "ü" * 30) is None


async def test_answers_know_no_placebo_by_name() -> None:
    here = desk()
    for line in ("losers", "opportunities", "crowd", "trader #7"):
        assert "placebo" not in (await here.ask(line)).text.lower()
