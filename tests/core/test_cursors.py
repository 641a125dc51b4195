"""Where a listing goes on."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cursors import Place, check_limit, decode_cursor, encode_cursor
from core.errors import UsageError


@given(st.integers(0, 2**53), st.text(max_size=80))
def test_a_cursor_gives_its_place_back(time_ms: int, name: str) -> None:
    place = Place(time_ms, name)
    assert decode_cursor("losers badness", encode_cursor("losers badness", place)) == place


def test_no_cursor_is_the_first_page() -> None:
    assert decode_cursor("losers badness", None) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "not a cursor!",
        "äöü",
        "AAAA",
        base64.urlsafe_b64encode(b'["losers pnl",1,"a"]').decode(),
        base64.urlsafe_b64encode(b'["losers badness","1","a"]').decode(),
        base64.urlsafe_b64encode(b'["losers badness",true,"a"]').decode(),
        base64.urlsafe_b64encode(b'["losers badness",1]').decode(),
        base64.urlsafe_b64encode(b'{"losers badness":1}').decode(),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
)
def test_a_damaged_or_foreign_cursor_is_refused_with_the_way_out(cursor: str) -> None:
    with pytest.raises(UsageError, match="leave it out to start with the first"):
        decode_cursor("losers badness", cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_an_impossible_page_size_is_refused(limit: int) -> None:
    with pytest.raises(UsageError, match="expected 1 to 1000"):
        check_limit(limit)


def test_page_sizes_from_one_to_a_thousand_are_possible() -> None:
    check_limit(1)
    check_limit(1000)
