"""Decode foreign JSON into structs; changes when our idea of a trustworthy payload does.

Unknown fields are ignored, since new ones appear without notice. What is wrong becomes a
``PayloadError`` that names the place (``userFillsByTime[3].px``) and shows at most 200 characters.
"""

import re
from abc import ABCMeta
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from core.errors import PayloadError

SHOWN_CHARS = 200
"""How much of a foreign body an error may show."""

MAX_DIGITS = 60
"""Digits of a decimal string; real ones have up to 22, and a longer one is an attack on memory."""

WHOLE_DIGITS = 18
"""Digits before the point; sums of such numbers still round to six decimals within 28 digits."""

T = TypeVar("T")

WRONG = (ValueError, RecursionError)
"""What decoding raises: msgspec's errors and Unicode's are ValueErrors."""

Millis = Annotated[int, Meta(ge=0, lt=253_402_300_800_000)]
"""UTC milliseconds, up to the year 9999."""

Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An oid, tid or twapId: what a signed 64-bit column holds."""

CoinName = Annotated[str, Meta(min_length=1, max_length=64)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Account = Annotated[str, Meta(min_length=1, max_length=64)]
"""An address; its form isn't checked, since replays serve archives' own labels."""

if TYPE_CHECKING:
    Exact = Decimal
    NotNan = Decimal | None
else:
    # msgspec asks isinstance of what its hook returns, so these markers let plain Decimals through.
    Exact = ABCMeta("Exact", (), {"__doc__": "A decimal string, parsed exactly; refused unless finite."})
    Exact.register(Decimal)
    NotNan = ABCMeta("NotNan", (), {"__doc__": "The same where ``NaN`` is known to occur and means None."})
    NotNan.register(Decimal)
    NotNan.register(type(None))

_DECIMAL = re.compile(rf"-?\d{{1,{MAX_DIGITS}}}(?:\.\d{{0,{MAX_DIGITS}}})?(?:[eE][+-]?\d{{1,2}})?", re.ASCII)


def exact(text: object) -> Decimal:
    """Parse a decimal string (or a JSON integer); raise ValueError for anything else."""
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text) if abs(text) < 10**MAX_DIGITS else "a huge integer"
    if not isinstance(text, str):
        raise ValueError(f"expected a decimal string, got {type(text).__name__}")
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(f"expected a finite decimal string, got {text[:MAX_DIGITS]!r}")
    value = Decimal(text)
    if value and value.adjusted() >= WHOLE_DIGITS:
        raise ValueError(f"expected a finite decimal below 1e{WHOLE_DIGITS}, got {text[:MAX_DIGITS]!r}")
    return value


def _hook(kind: type, raw: object) -> object:
    if kind is not Exact and (raw is None or raw == "NaN"):
        return None
    return exact(raw)


def shown(body: bytes) -> str:
    """Return the beginning of a foreign body, printable, at most 200 characters."""
    text = body[: SHOWN_CHARS * 4].decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in text[:SHOWN_CHARS])


def refuse(name: str, problem: str, body: bytes = b"") -> PayloadError:
    """Build the error for a payload of that name."""
    excerpt = f"; it begins {shown(body)!r}" if body else ""
    return PayloadError(f"the exchange's {name} isn't what it should be: {problem}{excerpt}")


class Payload(Generic[T]):
    """A named payload and the type it must have."""

    def __init__(self, name: str, kind: Any) -> None:
        self.name = name
        self.bare: Callable[[bytes], T] = msgspec.json.Decoder(kind, dec_hook=_hook).decode
        """The decoder itself, for the hot path; what it raises is for ``refusal``."""

    def decode(self, body: bytes) -> T:
        """Decode bytes; raise ``PayloadError`` with the path to what is wrong."""
        try:
            return self.bare(body)
        except WRONG as error:
            raise self.refusal(error, body) from error

    def refusal(self, error: Exception, body: bytes) -> PayloadError:
        """Return the error that says where in the payload this went wrong."""
        return refuse(self.name, str(error).replace("`$", f"`{self.name}"), body)

    def read(self, body: bytes, convert: Callable[[T], Any]) -> Any:
        """Decode and convert; a ValueError of the conversion names its own path."""
        value = self.decode(body)
        try:
            return convert(value)
        except ValueError as error:
            raise self.refusal(error, body) from error
