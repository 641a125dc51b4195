"""Execution order is restored by the chain of positions, whatever order the fills come in."""

from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.fills import Fill
from core.model.market import Coin
from core.ranking.chain import PositionChain, SizeRounding, chain_breaks, order_fills
from tests.core.ranking.raw_rows import as_fill, raw_fills
from tests.core.ranking.walks import fills_of, walks


def a_fill(start: str | None, signed: str, time_ms: int = 0, **more: object) -> Fill:
    row = {
        "user": "0xaa", "coin": "BTC", "px": "1", "sz": signed.lstrip("-"), "time": time_ms,
        "side": "A" if signed[0] == "-" else "B", "startPosition": start,
    }  # fmt: skip
    return as_fill({**row, **more})


def starts(fills: list[Fill]) -> list[Decimal | None]:
    return [fill.start_position for fill in fills]


@pytest.mark.parametrize(
    ("name", "breaks"),
    [
        ("fills-leaders-jul2026.jsonl.gz", 0),
        ("fills-0xdae4-btc.jsonl.gz", 0),
        ("fills-mm-nov2025.jsonl.gz", 0),
        ("fills-3accounts-full.parquet", 6),
    ],
)
def test_recorded_fills_chain_from_any_order(shared: Path, name: str, breaks: int) -> None:
    fills = [as_fill(row) for row in raw_fills(shared / "data", name) if row["coin"][0] != "@"]
    fills = [fill for fill in fills if "/" not in fill.coin]
    mixed = list(fills)
    Random(3).shuffle(mixed)
    for given_order in (fills, fills[::-1], mixed):
        assert len(chain_breaks(order_fills(given_order))) == breaks


def test_an_order_that_already_chains_is_kept(shared: Path) -> None:
    fills = [as_fill(row) for row in raw_fills(shared / "data", "fills-leaders-jul2026.jsonl.gz")]
    kept = sorted(fills, key=lambda fill: (fill.user, fill.time_ms))
    assert [fill.tid for fill in order_fills(fills)] == [fill.tid for fill in kept]


def test_seq_counts_from_zero_in_every_time_stamp() -> None:
    fills = [a_fill("1", "1"), a_fill("0", "1"), a_fill("2", "1", 5)]
    assert [(f.time_ms, f.seq) for f in order_fills(fills)] == [(0, 0), (0, 1), (5, 0)]


def test_the_same_position_passed_twice_in_a_millisecond_still_chains() -> None:
    there_and_back = [
        a_fill("0", "1"),
        a_fill("1", "-1"),
        a_fill("0", "2"),
        a_fill("2", "-2"),
        a_fill("0", "5"),
    ]
    for seed in range(20):
        mixed = list(there_and_back)
        Random(seed).shuffle(mixed)
        assert chain_breaks(order_fills(mixed)) == []


def test_the_position_held_before_decides_where_an_instant_begins() -> None:
    fills = [a_fill("0", "2"), a_fill("3", "-1", 1), a_fill("2", "1", 1)]
    assert starts(order_fills(fills)) == [0, 2, 3]


def test_a_missing_fill_leaves_one_break_and_says_what_was_expected() -> None:
    fills = [a_fill("4", "1", 1), a_fill("0", "1", 1), a_fill("5", "1", 1), a_fill("1", "1", 1)]
    ordered = order_fills(fills)
    (found,) = chain_breaks(ordered)
    assert {(found.expected, found.found)} <= {(Decimal(2), Decimal(4)), (Decimal(6), Decimal(0))}


def test_coins_of_one_instant_keep_their_places() -> None:
    fills = [a_fill("1", "1"), a_fill("0", "7", coin="ETH"), a_fill("0", "1")]
    assert [f.coin for f in order_fills(fills)] == ["BTC", "ETH", "BTC"]


def test_fills_without_start_position_keep_their_order() -> None:
    fills = [a_fill(None, "1"), a_fill(None, "-1"), a_fill(None, "2")]
    assert [f.signed_sz for f in order_fills(fills)] == [1, -1, 2]


def test_sizes_are_rounded_to_the_coins_decimals_and_to_six_where_unknown() -> None:
    rounding = SizeRounding({Coin("kPEPE"): 0})
    assert rounding.round(Coin("kPEPE"), Decimal("1284161.8999999999")) == 1284162
    assert str(rounding.round(Coin("BTC"), Decimal("-0.0000001"))) == "0.000000"


def test_a_position_is_unknown_until_a_fill_says_where_it_starts_or_that_it_opens() -> None:
    chain = PositionChain()
    assert chain.step(a_fill(None, "-1", dir="Close Long")) is None
    assert chain.step(a_fill(None, "2", dir="Open Long")) == (0, 2, False)
    assert chain.step(a_fill(None, "-2", dir="Close Long")) == (2, 0, False)
    assert chain.step(a_fill(None, "-1", dir="Close Long")) is None


@given(walks(with_holes=False), st.randoms(use_true_random=False))
def test_any_shuffle_of_a_whole_history_chains_again(walk: list[dict[str, object]], random: Random) -> None:
    fills = fills_of("0xaa", walk)
    mixed = list(fills)
    random.shuffle(mixed)
    ordered = order_fills(mixed)
    assert chain_breaks(ordered) == []
    assert sorted(map(id, mixed)) == sorted(map(id, fills))
    assert [f.time_ms for f in ordered] == [f.time_ms for f in fills]
    again = order_fills(ordered)
    assert again == ordered


@given(walks(), st.randoms(use_true_random=False))
def test_ordering_never_adds_a_break(walk: list[dict[str, object]], random: Random) -> None:
    fills = fills_of("0xaa", walk)
    mixed = sorted(fills, key=lambda fill: (fill.time_ms, random.random()))
    assert len(chain_breaks(order_fills(mixed))) <= len(chain_breaks(mixed))
    assert len(chain_breaks(order_fills(fills))) <= len(chain_breaks(fills))
