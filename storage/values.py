"""Core values inside jsonb columns: written whole, read back as the type they were."""

from typing import TypeVar

import msgspec

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, ValueError)
"""What ``from_json`` raises for a value that isn't of its type (any more)."""


def to_json(value: object) -> bytes:
    """Encode a frozen value as JSON; decimals become strings and keep every digit."""
    return msgspec.json.encode(value)


def from_json(raw: bytes, kind: type[T]) -> T:
    """Decode what ``to_json`` made, as the type it was."""
    return msgspec.json.decode(raw, type=kind)
