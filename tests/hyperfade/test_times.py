"""Times as people type them."""

import pytest

from core.errors import UsageError
from hyperfade.times import parse_time


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        (None, None),
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01T00:00:01.234Z", 1_234),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-02", 86_400_000),
        ("1970-01-01 00:01", 60_000),
    ],
)
def test_iso_times_are_utc_unless_they_say_otherwise(text: str | None, ms: int | None) -> None:
    assert parse_time(text) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "12:00", "2026-13-01", "1e9", "x" * 500])
def test_what_is_no_time_is_refused_shortly(text: str) -> None:
    with pytest.raises(UsageError, match="expected ISO 8601 such as") as caught:
        parse_time(text)
    assert len(str(caught.value)) < 150
