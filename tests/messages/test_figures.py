"""Numbers, times and addresses as people read them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import figures
from tests.support.chat_facts import LOSER, NOW_MS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (0, "$0.00"),
        (-0.001, "$0.00"),
        (8.125, "$8.12"),
        (9.999, "$10"),
        (812.4, "$812"),
        (-9531, "-$9,531"),
        (9_999.6, "$10.0k"),
        (25_300, "$25.3k"),
        (99_960, "$100k"),
        (-999_600, "-$1.00M"),
        (1_240_000, "$1.24M"),
        (2.5e9, "$2.50B"),
        (Decimal("-182340.5"), "-$182k"),
    ],
)
def test_usd_is_short(value: float | Decimal | None, text: str) -> None:
    assert figures.usd(value) == text


def test_usd_has_a_plus_where_asked() -> None:
    assert figures.usd(12.0, signed=True) == "+$12"
    assert figures.usd(0.0, signed=True) == "$0.00"


@given(st.floats(min_value=-1e11, max_value=1e11))
def test_usd_is_at_most_nine_signs(value: float) -> None:
    assert len(figures.usd(value)) <= 9


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("64210", "64,210"),
        ("64210.5", "64,210.5"),
        ("104233.57", "104,234"),
        ("1234567", "1,234,567"),
        ("0.000012345678", "0.0000123457"),
        ("0.10", "0.1"),
        ("100", "100"),
        ("0", "0"),
        ("3123.4567890123", "3,123.46"),
    ],
)
def test_price_keeps_six_digits_and_no_exponent(value: str, text: str) -> None:
    assert figures.price(Decimal(value)) == text


def test_unknown_is_said_and_never_zero() -> None:
    for figure in (figures.usd, figures.bps, figures.percent, figures.pct, figures.price, figures.duration):
        assert figure(None) == "unknown"
    for moment in (figures.utc, figures.utc_minute, figures.utc_time):
        assert moment(None) == "unknown"


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.34, "+12.3 bps"), (-0.04, "0.0 bps"), (0.0, "0.0 bps"), (-3.06, "-3.1 bps")],
)
def test_bps_has_its_sign(value: float, text: str) -> None:
    assert figures.bps(value) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0.0 s"),
        (1_240, "1.2 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (200_000, "3 min 20 s"),
        (754_000, "12 min"),
        (3_900_000, "1 h 5 min"),
        (86_400_000, "1 d"),
        (183_600_000, "2 d 3 h"),
        (-1_500, "-1.5 s"),
    ],
)
def test_duration_has_its_two_largest_units(ms: int, text: str) -> None:
    assert figures.duration(ms) == text


def test_times_are_utc() -> None:
    assert figures.utc(NOW_MS) == "2026-01-05 12:03:04 UTC"
    assert figures.utc_minute(NOW_MS) == "2026-01-05 12:03 UTC"
    assert figures.utc_time(NOW_MS) == "12:03:04 UTC"


def test_only_an_address_is_shortened_and_linked() -> None:
    assert figures.short_address(LOSER) == "0x12ab…34ef"
    assert figures.tiny_address(LOSER) == "12ab…34ef"
    assert figures.explorer_url(LOSER) == f"https://app.hyperliquid.xyz/explorer/address/{LOSER}"
    for name in ("leader-acc6", "0x12", f'{LOSER}" onclick="x'):
        assert figures.short_address(name) == name
        assert figures.explorer_url(name) is None
