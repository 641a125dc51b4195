"""How single values read in JSON."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.json_values import average, exact, money, ratio, time


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_767_571_200_007, "2026-01-05T00:00:00.007Z"),
        (1_767_571_259_999, "2026-01-05T00:00:59.999Z"),
        (None, None),
    ],
)
def test_times_are_utc_with_z_to_the_millisecond(ms: int | None, text: str | None) -> None:
    assert time(ms) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1284161.8999999999"), "1284161.8999999999"),
        (Decimal("100.500"), "100.5"),
        (Decimal("100"), "100"),
        (Decimal("1E+5"), "100000"),
        (Decimal("1E-8"), "0.00000001"),
        (Decimal("-0.0"), "0"),
        (Decimal("-2.50"), "-2.5"),
        (None, None),
    ],
)
def test_prices_and_sizes_are_exact_decimal_strings(value: Decimal | None, text: str | None) -> None:
    assert exact(value) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=10))
def test_a_decimal_string_has_no_exponent_and_loses_nothing(value: Decimal) -> None:
    text = exact(value)
    assert text is not None
    assert "E" not in text.upper()
    assert Decimal(text) == value


def test_an_average_price_has_an_end() -> None:
    assert average(Decimal(301) / Decimal(3)) == "100.333333333"
    assert average(Decimal(100)) == "100"
    assert average(Decimal("0.0000123456789")) == "0.0000123456789"
    assert average(None) is None


def test_money_and_bps_have_six_decimals_and_unknown_is_null() -> None:
    assert money(1.23456789) == 1.234568
    assert money(Decimal("-0.00000004")) == 0.0
    assert str(money(-0.00000004)) == "0.0"
    assert money(None) is None


def test_ratios_keep_what_a_check_of_a_formula_needs() -> None:
    assert ratio(1 / 3) == pytest.approx(1 / 3, abs=1e-12)
    assert ratio(None) is None
