"""What counts as an account's name."""

import pytest

from core.errors import UsageError
from core.model.addresses import parse_address

MIXED = "0xAbCdEf0123456789aBcDeF0123456789AbCdEf01"


def test_an_address_is_lower_cased() -> None:
    assert parse_address(f" {MIXED}\n") == MIXED.lower()


@pytest.mark.parametrize("label", ["leader-acc6", "acc_1", "A.b"])
def test_an_archives_label_is_kept_where_labels_are_allowed(label: str) -> None:
    assert parse_address(label, allow_label=True) == label
    with pytest.raises(UsageError, match="0x and 40 hexadecimal digits"):
        parse_address(label)


@pytest.mark.parametrize(
    "text", ["", "0x", "0x12", MIXED + "0", "0X" + "a" * 40, "0x" + "g" * 40, "a b", "-x", "x" * 65]
)
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match="is not an account address"):
        parse_address(text, allow_label=True)
