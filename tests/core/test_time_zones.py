"""A time zone is found by what people write, and an unknown one says what is near."""

from datetime import UTC

import pytest

from core.errors import UsageError
from core.time_zones import find_zone, zone_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
    ],
)
def test_zone_is_found(text: str, name: str) -> None:
    assert find_zone(text) == name
    assert str(zone_of(name)) == name


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Europe/Berlim", "did you mean Europe/Berlin"),
        ("berlim", "did you mean Europe/Berlin"),
        ("new yrk", "did you mean America/New_York"),
        ("../../etc/passwd", "expected an IANA name"),
        ("localtime", "is not a time zone"),
        ("x" * 300, "is not a time zone"),
    ],
)
def test_unknown_zone_is_refused(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        find_zone(text)


def test_a_zone_that_vanished_is_utc() -> None:
    assert zone_of("Mars/Olympus") is UTC
    assert zone_of("../../etc/passwd") is UTC
