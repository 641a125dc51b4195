"""What people type after a command, and what they are told when it can't be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.arguments import (
    LosersQuery,
    PerformanceQuery,
    read_coin,
    read_losers,
    read_one_coin,
    read_performance,
)
from core.errors import UsageError
from core.model.market import Address, Coin

KNOWN = (Coin("BTC"), Coin("ETH"), Coin("kPEPE"), Coin("xyz:GOLD"))


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("", LosersQuery(15, None, "badness")),
        ("5", LosersQuery(5, None, "badness")),
        ("btc 5 by pnl", LosersQuery(5, Coin("BTC"), "pnl")),
        ("by WinRate kpepe", LosersQuery(15, Coin("kPEPE"), "winrate")),
    ],
)
def test_losers_takes_number_coin_and_sorting_in_any_order(words: str, query: LosersQuery) -> None:
    assert read_losers(words.split(), KNOWN) == query


def test_performance_takes_period_and_coin_or_address() -> None:
    address = "0x" + "AB" * 20
    assert read_performance([], KNOWN) == PerformanceQuery("30d", None, None)
    assert read_performance(["ETH", "7D"], KNOWN) == PerformanceQuery("7d", Coin("ETH"), None)
    assert read_performance(["all", address], KNOWN) == PerformanceQuery(
        "all", None, Address(address.lower())
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("0", "expected 1 to 50"),
        ("99999999999999999999", "A list of 99999999999999999999 is not possible: expected 1 to 50"),
        ("9" * 5_000, "expected 1 to 50"),
        ("by", "By what"),
        ("by luck", "badness, pnl, loss, winrate, markout"),
    ],
)
def test_losers_says_what_was_expected(words: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_losers(words.split(), KNOWN)


def test_before_the_coins_are_known_a_coins_form_is_enough() -> None:
    assert read_coin("btc", ()) == "BTC"
    assert read_coin("kPEPE", ()) == "kPEPE"
    with pytest.raises(UsageError):
        read_coin("no/coin", ())


def test_two_coins_where_one_goes_are_refused() -> None:
    with pytest.raises(UsageError, match="One coin at a time"):
        read_one_coin(["BTC", "ETH"], KNOWN)


@given(st.lists(st.text(min_size=1, max_size=30), max_size=6))
def test_whatever_is_typed_is_read_or_refused_in_one_line(words: list[str]) -> None:
    for read in (read_losers, read_performance, read_one_coin):
        said = ""
        try:
            read(words, KNOWN)
        except UsageError as error:
            said = str(error)
        assert len(said) < 300
