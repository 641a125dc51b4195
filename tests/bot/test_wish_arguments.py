"""What people type about their own wishes, and what they are told when it can't be read."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings_words import changed, kind_of
from bot.wish_arguments import (
    MOST_LABEL,
    followed,
    read_duration,
    read_label,
    read_subject,
    read_subscriptions,
    read_target,
)
from core.errors import UsageError
from core.model.alerts import AlertKind, Channel, Target
from core.model.chats import ChatSettings, DigestPeriod, Follow, Loudness, QuietHours, Subscription
from core.model.market import DAY_MS, HOUR_MS, Address, Coin, Direction

KNOWN = (Coin("BTC"), Coin("ETH"), Coin("kPEPE"), Coin("xyz:GOLD"))
WHALE = Address("0x" + "a1" * 20)
FOLLOWS = (Follow(WHALE, "Big Whale"), Follow(Address("0x" + "b2" * 20), None))


@pytest.mark.parametrize(
    ("words", "subscriptions"),
    [
        ("BTC", (Subscription(Coin("BTC")),)),
        ("all", (Subscription(None),)),
        ("btc all eth", (Subscription(None),)),
        ("BTC btc", (Subscription(Coin("BTC")),)),
        (
            "eth BTC $10,000 60",
            (Subscription(Coin("ETH"), 10_000.0, 60.0), Subscription(Coin("BTC"), 10_000.0, 60.0)),
        ),
        ("xyz:gold 1.5m", (Subscription(Coin("xyz:GOLD"), 1_500_000.0),)),
        ("BTC SHORT 10k", (Subscription(Coin("BTC"), 10_000.0, 0.0, Direction.SHORT),)),
        ("all badness 60", (Subscription(None, 0.0, 60.0),)),
        ("long all 10k badness 60", (Subscription(None, 10_000.0, 60.0, Direction.LONG),)),
    ],
)
def test_subscribe_takes_coins_then_usd_then_badness(
    words: str, subscriptions: tuple[Subscription, ...]
) -> None:
    assert read_subscriptions(words.split(), KNOWN) == subscriptions


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "Which coin?"),
        ("10k", "Which coin?"),
        ("BTC badness", "Which badness?"),
        ("BTC badness lots", "is not an amount"),
        ("BTC 1 2 3", "at most two numbers"),
        ("BTC 10k 101", "expected 0 to 100"),
        ("BTX", "did you mean BTC"),
        ("ZZZZZ", "expected one that the exchange lists"),
        ("kPEPEE", "did you mean kPEPE"),
        ("<b>", "is not a coin"),
        ("BTC 9999999999999m", "more than there is"),
    ],
)
def test_subscribe_says_what_was_expected(words: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_subscriptions(words.split(), KNOWN)


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("", None),
        ("whale", "whale"),
        ("my  big\u202e whale\u0000", "my big whale"),
        ("@everyone", "＠everyone"),
        ("<b>", "<b>"),
        ("x" * MOST_LABEL, "x" * MOST_LABEL),
    ],
)
def test_label_is_one_clean_line(words: str, label: str | None) -> None:
    assert read_label(words.split(" ") if words else [], KNOWN) == label


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("\u202e\u200b", "letters that can be seen"),
        ("x" * 33, "at most 32"),
        ("x" * 300, "at most 32"),
        ("btc", "means something else"),
        ("All", "means something else"),
        ("#3", "means something else"),
        ("0xabc", "means something else"),
        ("10k", "means something else"),
    ],
)
def test_label_that_cannot_be_one_is_refused(words: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_label([words], KNOWN)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("ALL", "all"),
        ("kpepe", "kPEPE"),
        ("big whale", WHALE),
        (WHALE.upper().replace("0X", "0x"), WHALE),
        ("0x" + "C3" * 20, "0x" + "c3" * 20),
    ],
)
def test_what_is_muted_is_all_a_coin_or_a_trader(text: str, subject: str) -> None:
    assert read_subject(text.split(), FOLLOWS, KNOWN) == subject


def test_nobody_is_followed_by_an_empty_name() -> None:
    assert followed(FOLLOWS, "") is None
    assert followed(FOLLOWS, "\u202e") is None


@pytest.mark.parametrize(
    ("word", "ms"), [("30m", HOUR_MS // 2), ("4H", 4 * HOUR_MS), ("2d", 2 * DAY_MS), ("30d", 30 * DAY_MS)]
)
def test_duration_is_a_number_and_a_unit(word: str, ms: int) -> None:
    assert read_duration(word) == ms


@pytest.mark.parametrize("word", ["", "0m", "31d", "721h", "4", "h", "-4h", "4w", "1e9d", "99999d"])
def test_duration_has_bounds(word: str) -> None:
    with pytest.raises(UsageError, match="expected one such as 30m, 4h or 2d, at most 30d"):
        read_duration(word)


def test_chat_is_named_as_whoami_shows_it() -> None:
    assert read_target(["telegram:-100123/4"]) == Target(Channel.TELEGRAM, "-100123", "4")
    assert read_target(["discord:9"]) == Target(Channel.DISCORD, "9")
    for wrong in ([], ["telegram:"], ["console:1"], ["telegram:x"], ["telegram:1", "2"], ["9" * 300]):
        with pytest.raises(UsageError, match="/pending"):
            read_target(wrong)


AS_IS = ChatSettings()


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ("entry silent", ChatSettings({AlertKind.ENTRY: Loudness.SILENT})),
        ("Entries OFF", ChatSettings({AlertKind.ENTRY: Loudness.OFF})),
        ("entry on", AS_IS),
        ("list silent", AS_IS),
        ("list on", ChatSettings({AlertKind.LIST: Loudness.ON})),
        ("quiet 22:00-07:00", ChatSettings(quiet=QuietHours(time(22), time(7)))),
        (
            "quiet 22 - 7:30 new york",
            ChatSettings(quiet=QuietHours(time(22), time(7, 30)), time_zone="America/New_York"),
        ),
        ("quiet off", AS_IS),
        ("zone europe/berlin", ChatSettings(time_zone="Europe/Berlin")),
        ("cap 6", ChatSettings(hourly_cap=6)),
        ("cap off", AS_IS),
        ("digest daily 18", ChatSettings(digest=DigestPeriod.DAILY, digest_hour=18)),
        ("digest weekly 07:00", ChatSettings(digest=DigestPeriod.WEEKLY, digest_hour=7)),
        ("digest silent", ChatSettings({AlertKind.DIGEST: Loudness.SILENT})),
        ("digest off", AS_IS),
    ],
)
def test_settings_are_changed_by_words(words: str, after: ChatSettings) -> None:
    assert changed(AS_IS, words.split()) == after


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("entry loud", "expected on, silent or off"),
        ("entry on off", "expected on, silent or off"),
        ("entry", "What about 'entry'"),
        ("bells on", "There is no setting 'bells'"),
        ("test off", "There is no setting"),
        ("quiet 25:00-07:00", "is no time of day"),
        ("quiet 22:00-07:61", "is no time of day"),
        ("quiet 08:00-08:00", "two different times"),
        ("quiet night", "are no quiet hours"),
        ("quiet 22:00-07:00 Mars", "is not a time zone"),
        ("zone Mars/Olympus", "is not a time zone"),
        ("cap 0", "is no cap"),
        ("cap 1001", "is no cap"),
        ("cap 9999999999", "is no cap"),
        ("digest 24", "nothing about the digest"),
        ("digest hourly", "nothing about the digest"),
    ],
)
def test_settings_say_what_was_expected(words: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        changed(AS_IS, words.split())


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=6))
def test_whatever_is_typed_about_wishes_is_read_or_refused_in_one_line(words: list[str]) -> None:
    readers = (
        lambda: read_subscriptions(words, KNOWN),
        lambda: read_label(words, KNOWN),
        lambda: read_subject(words, FOLLOWS, KNOWN),
        lambda: read_duration(words[0]),
        lambda: read_target(words),
        lambda: kind_of(words[0]),
        lambda: changed(AS_IS, words),
        lambda: changed(AS_IS, ("quiet", *words)),
        lambda: changed(AS_IS, ("cap", *words)),
        lambda: changed(AS_IS, ("digest", *words)),
    )
    for read in readers:
        said = ""
        try:
            read()
        except UsageError as error:
            said = str(error)
        assert len(said) < 400
