"""What a chat wants, by words and by buttons, kept in a real database."""

import re

import pytest

from bot.follow_commands import MOST_FOLLOWS
from core.model.alerts import Channel
from core.model.chats import Follow, Mute, Subscription
from core.model.market import DAY_MS, HOUR_MS, Address, Coin, Direction
from messages.escaping import clean
from storage.database import Database
from tests.support.chat_facts import LOSER, make_losers
from tests.support.telegram_html import parse_html
from tests.support.wish_desk import ANN, GROUP, NOW_MS, Desk, lines

pytestmark = pytest.mark.asyncio

WORST = make_losers(1).items[0].address
OTHER = "0x" + "b2" * 20


async def desk(database: Database) -> Desk:
    made = Desk(database)
    await made.let_in()
    return made


async def test_subscribing_asks_by_buttons_and_takes_the_pressed_coin(database: Database) -> None:
    ann = await desk(database)
    assert "Alerts of which coins?" in await ann.ask("subscribe")
    assert ann.labels == ["All coins", "BTC", "ETH", "kPEPE", "Back"]
    assert all(one.edits for one in ann.buttons)
    assert "• ETH" in await ann.press("ETH")
    await ann.ask("subscribe")
    assert "• ETH" in ann.labels
    assert "• all coins" in await ann.press("All coins")
    assert (await ann.chat()).subscriptions == (Subscription(None), Subscription(Coin("ETH")))


async def test_a_side_and_filters_are_kept_and_shown(database: Database) -> None:
    ann = await desk(database)
    assert "• BTC, short only, from $10.0k, badness from 60" in await ann.ask(
        "subscribe btc short 10k badness 60"
    )
    assert (await ann.chat()).subscriptions == (Subscription(Coin("BTC"), 10_000.0, 60.0, Direction.SHORT),)
    assert "• BTC" in await ann.ask("subscribe btc")
    assert (await ann.chat()).subscriptions == (Subscription(Coin("BTC")),)


async def test_unsubscribing_asks_which(database: Database) -> None:
    ann = await desk(database)
    await ann.ask("subscribe BTC ETH")
    await ann.ask("unsubscribe")
    assert lines(ann.buttons) == ["unsubscribe BTC", "unsubscribe ETH", "unsubscribe all", "subscriptions"]
    assert "Unsubscribed from BTC." in await ann.press("BTC")
    await ann.ask("unsubscribe")
    assert "This chat gets no alerts." in await ann.press("Everything")
    assert "This chat gets no alerts." in await ann.ask("unsubscribe")


async def test_more_coins_than_can_be_shown_are_counted(database: Database) -> None:
    ann, here = Desk(database), ANN.__class__(Channel.DISCORD, "7")
    await ann.let_in(here)
    for n in range(60):
        await ann.stores.chats.subscribe(
            here, Subscription(Coin(f"xyz:COIN{n:03d}"), 12_345.0, 60.0, Direction.SHORT)
        )
    shown = (await ann.ask("start", here)).count("xyz:COIN")
    assert shown < 60
    assert f"• and {60 - shown} more" in await ann.ask("start", here)
    assert "Others: /unsubscribe and the coin." in await ann.ask("unsubscribe", here)


async def test_a_trader_is_followed_under_a_name_and_no_longer(database: Database) -> None:
    ann = await desk(database)
    assert "Follow whom?" in await ann.ask("follow")
    assert ann.buttons[0].line == f"follow {WORST}"
    assert "0x" in await ann.ask("follow #1 Big  whale")
    assert (await ann.chat()).follows == (Follow(WORST, "Big whale"),)
    # By its button the name stays; by its name it is found.
    await ann.ask(f"follow {WORST}", press=True)
    assert (await ann.chat()).follows == (Follow(WORST, "Big whale"),)
    assert "(small fish)" in await ann.ask("follow big whale small fish".replace("big whale", WORST))
    assert "choose another label" in await ann.ask(f"follow {OTHER} Small Fish")
    await ann.ask(f"follow {OTHER}")
    assert ann.labels[0] == "Unfollow small fish"
    assert "Unfollowed." in await ann.ask("unfollow small fish")
    assert "This chat didn't follow them." in await ann.ask(f"unfollow {WORST}")
    assert "Which of them no longer?" in await ann.ask("unfollow")
    assert "This chat follows nobody." in await ann.press(f"Unfollow {OTHER[:6]}…{OTHER[-4:]}")


async def test_follows_are_bounded(database: Database) -> None:
    ann = await desk(database)
    for n in range(MOST_FOLLOWS):
        await ann.stores.wishes.follow(ANN, Address(f"0x{n:040x}"), None)
    assert "which is the most" in await ann.ask(f"follow {OTHER}")
    assert "follows" in await ann.ask("follow 0x" + "0" * 40 + " again")
    assert "You follow nobody any more." in await ann.ask("unfollow all")
    assert (await ann.chat()).follows == ()


async def test_all_who_are_followed_have_a_button_on_some_page(database: Database) -> None:
    ann = await desk(database)
    for n in range(11):
        await ann.stores.wishes.follow(ANN, Address(f"0x{n:040x}"), f"no {n}")
    assert "This chat follows, 1–8 of 11:" in await ann.ask("unfollow")
    assert [one.label for one in ann.buttons] == [*(f"Unfollow no {n}" for n in range(8)), "next ›"]
    text = await ann.press("next ›")
    assert "9–11 of 11" in text
    assert "no 7" not in text
    assert [*ann.labels] == ["Unfollow no 8", "Unfollow no 9", "Unfollow no 10", "‹ prev"]
    # Whoever is on a page stays there, and it turns back when nobody is left on it.
    assert "9–10 of 10" in await ann.press("Unfollow no 9")
    await ann.press("Unfollow no 8")
    assert "1–8 of 8" not in await ann.press("Unfollow no 10")
    assert ann.labels == [f"Unfollow no {n}" for n in range(8)]
    # Who is new is shown, whatever the page.
    assert "9 of 9" in await ann.ask(f"follow {OTHER} from nowhere")
    assert ann.labels == ["Unfollow from nowhere", "‹ prev"]
    assert "means something else here" in await ann.ask(f"follow {OTHER} from 9")
    assert "Unfollowed." in await ann.ask("unfollow from nowhere")
    assert all(len(one.line.encode()) <= 60 for one in ann.buttons)


async def test_all_that_is_muted_has_a_button_on_some_page(database: Database) -> None:
    ann = await desk(database)
    for n in range(10):
        await ann.stores.wishes.mute(ANN, f"0x{n:040x}", NOW_MS + (n + 1) * HOUR_MS)
    assert "Muted, 1–8 of 10" in await ann.ask("unmute")
    assert ann.labels[8:] == ["next ›", "Unmute everything"]
    assert "9–10 of 10" in await ann.press("next ›")
    assert ann.labels == ["Unmute 0x0000…0008", "Unmute 0x0000…0009", "‹ prev", "Unmute everything"]
    assert "Muted, 9 of 9" in await ann.press("Unmute 0x0000…0008")
    await ann.press("‹ prev")
    assert "Nothing is muted." in await ann.press("Unmute everything")


@pytest.mark.parametrize("label", ["<b>", "@everyone", "\u202egnp.exe", "**x**", "[a](https://evil.example)"])
async def test_a_hostile_name_is_harmless_wherever_it_is_shown(database: Database, label: str) -> None:
    for channel in (Channel.TELEGRAM, Channel.DISCORD):
        ann, here = Desk(database), ANN.__class__(channel, "7")
        await ann.let_in(here)
        for line in (f"follow {LOSER} {label}", "subscriptions", f"mute {LOSER} 4h", "unmute", "unfollow"):
            await ann.ask(line, here)
            assert ann.last is not None
            text = ann.last.text
            assert "\u202e" not in text
            assert "@" not in text
            if channel is Channel.TELEGRAM:
                shown, entities = parse_html(text)
                assert clean(label) in shown
                assert all(
                    one["type"] == "bold" or one["url"].startswith("https://app.hyperliquid.xyz/")
                    for one in entities
                )
            else:
                bare = re.sub(r"\\.", "", text)
                assert "[a](https" not in bare
                assert "**x**" not in bare
                assert "<b>" not in bare
            assert all("\u202e" not in one.label and "@" not in one.label for one in ann.buttons)


async def test_mutes_begin_by_words_or_buttons_and_end(database: Database) -> None:
    ann = await desk(database)
    assert "Mute everything for how long?" in await ann.ask("mute")
    await ann.ask("mute btc")
    assert lines(ann.buttons)[2] == "mute BTC 4h"
    text = await ann.press("4h")
    assert "• BTC until 2026-01-05\xa016:03 UTC, 4\xa0h left" in text
    await ann.ask("settings zone Europe/Berlin")
    assert "• all" not in await ann.ask(f"mute {LOSER} 24h")
    assert "until 2026-01-06\xa013:03 Europe/Berlin, 1\xa0d left" in await ann.ask(f"mute {LOSER} 24h")
    await ann.ask("follow " + LOSER + " whale")
    assert "(whale) until" in await ann.ask("mute whale 2d")
    ann.clock.at_ms += 5 * HOUR_MS
    assert "BTC" not in await ann.ask("unmute")
    assert ann.labels == ["Unmute whale"]
    assert await ann.stores.wishes.mutes(ANN, 0) == (
        Mute("BTC", NOW_MS + 4 * HOUR_MS),
        Mute(LOSER, NOW_MS + 2 * DAY_MS),
    )
    await ann.ask("mute ETH 4h")
    assert [one.what for one in await ann.stores.wishes.mutes(ANN, 0)] == ["ETH", LOSER]
    await ann.ask("unmute ETH")
    assert "Nothing is muted." in await ann.press("Unmute whale")
    assert "That wasn't muted." in await ann.ask("unmute ETH")
    await ann.ask("mute all 30m")
    assert "everything until" in await ann.ask("subscriptions")
    assert "Nothing is muted." in await ann.ask("unmute all")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("mute BTC 31d", "at most 30d"),
        ("mute 0m", "is no duration"),
        ("mute 99999d", "at most 30d"),
        ("mute BTX 4h", "did you mean BTC"),
        ("mute 0x12 4h", "is not an account address"),
        ("unmute BTX", "did you mean BTC"),
        ("follow 0x12", "is not an account address"),
        ("follow #99", "Nobody has rank 99"),
        ("follow #1 btc", "means something else"),
        ("follow #1 4H", "means something else"),
        ("subscribe all long short", "One side at a time"),
        ("subscribe BTX", "did you mean BTC"),
    ],
)
async def test_a_wrong_word_is_answered_in_one_line(database: Database, line: str, says: str) -> None:
    ann = await desk(database)
    text = await ann.ask(line)
    assert says in text
    assert "\n" not in text


async def test_presses_in_a_group_are_for_administrators(database: Database) -> None:
    group = Desk(database)
    await group.let_in(GROUP)
    for line in ("mute BTC 4h", f"follow {LOSER}", "subscribe BTC", "settings entry off", "stop yes", "test"):
        await group.ask(line, GROUP, user_id="8", press=True)
        assert group.last is not None
        assert group.last.notice == "In a group only its administrators can change what it gets."
    chat = await group.chat(GROUP)
    assert (chat.subscriptions, chat.follows, chat.settings.loudness) == ((), (), {})
    assert "• BTC" in await group.ask("subscribe BTC", GROUP, admin=True, press=True)
