"""Read what people type about their own wishes; every error says what was expected."""

import re
from collections.abc import Sequence

from bot.arguments import MOST_COINS, read_coin, read_usd, split_place
from core.errors import UsageError
from core.model.addresses import parse_address
from core.model.alerts import Channel, Target
from core.model.chats import Follow, Subscription
from core.model.market import DAY_MS, HOUR_MS, Address, Coin, Direction
from messages.escaping import clean

ALL = "all"
MOST_LABEL = 32
LONGEST_MUTE_MS = 30 * DAY_MS

_MINUTE_MS = 60_000
_DURATION = re.compile(r"(\d{1,5})\s*(m|min|h|d)")
_UNITS_MS = {"m": _MINUTE_MS, "min": _MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_NUMBER = re.compile(r"\$?\d[\d,]*(?:\.\d+)?[kKmM]?")
_TARGET = re.compile(r"([a-z]+):(-?\d{1,20})(?:/(\d{1,20}))?")


def read_subscriptions(words: Sequence[str], known: Sequence[Coin]) -> tuple[Subscription, ...]:
    """Read coins (or ``all``), a side, minimum USD, minimum badness; raises UsageError.

    ``badness 60`` names the second number where there is no first.
    """
    names: list[str] = []
    numbers: list[str] = []
    side: Direction | None = None
    badness: str | None = None
    left = list(words)
    while left:
        word = left.pop(0)
        if word.lower() == "badness":
            if not left:
                raise UsageError("Which badness? Expected a number from 0 to 100, such as badness 60.")
            badness = left.pop(0)
        elif word.lower() in tuple(Direction):
            if side not in (None, word.lower()):
                raise UsageError("One side at a time: leave both out, and alerts of both come.")
            side = Direction(word.lower())
        else:
            (numbers if _NUMBER.fullmatch(word) else names).append(word)
    if badness is None and len(numbers) > 1:
        badness = numbers.pop(1)
    if len(numbers) > 1:
        raise UsageError(f"Expected at most two numbers, USD and badness: found {' '.join(numbers)[:60]!r}.")
    if not names:
        raise UsageError("Which coin? Send /subscribe BTC, or /subscribe all.")
    if len(names) > MOST_COINS:
        raise UsageError(f"At most {MOST_COINS} coins at once: found {len(names)}. /subscribe all takes all.")
    min_usd = read_usd(numbers[0]) if numbers else 0.0
    min_badness = _read_badness(badness) if badness else 0.0
    coins = (
        [None] if any(name.lower() == ALL for name in names) else [read_coin(name, known) for name in names]
    )
    return tuple(Subscription(coin, min_usd, min_badness, side) for coin in dict.fromkeys(coins))


def _read_badness(word: str) -> float:
    value = read_usd(word)
    if value > 100:
        raise UsageError(f"{word[:40]!r} is not a badness: expected 0 to 100.")
    return value


def read_label(words: Sequence[str], known: Sequence[Coin]) -> str | None:
    """Return a chat's own name for a trader as one clean line; None: no name; raises UsageError.

    What the other commands read as something else is no name: a coin, a rank, an address, a number, ``4h``,
    ``from 9``.
    """
    if not words:
        return None
    text = clean(" ".join(words), 10 * MOST_LABEL)
    if not text:
        raise UsageError("A label needs letters that can be seen: expected a name such as whale.")
    if len(text) > MOST_LABEL:
        raise UsageError(f"A label of {len(text)} characters is too long: expected at most {MOST_LABEL}.")
    lower = text.lower()
    coins = {coin.lower() for coin in known}
    is_amount = _NUMBER.fullmatch(lower) is not None or is_duration(lower)
    is_place = split_place(lower.split()) != (tuple(lower.split()), 1)
    if lower in coins or lower == ALL or lower.startswith(("#", "0x")) or is_amount or is_place:
        raise UsageError(f"{text!r} means something else here: expected a name such as whale.")
    return text


def followed(follows: Sequence[Follow], text: str) -> Address | None:
    """Return the followed trader whom a chat calls so, or whose address it is."""
    wanted = clean(text).lower()
    for follow in follows:
        if wanted in (follow.address.lower(), (follow.label or "").lower()) and wanted:
            return follow.address
    return None


def read_subject(words: Sequence[str], follows: Sequence[Follow], known: Sequence[Coin]) -> str:
    """Return ``all``, an address or a coin, as mutes are kept; raises UsageError."""
    text = " ".join(words)
    if text.lower() == ALL:
        return ALL
    address = followed(follows, text)
    if address is not None:
        return address
    if text.lower().startswith("0x"):
        return parse_address(text)
    return read_coin(text, known)


def read_duration(word: str) -> int:
    """Return the ms of ``30m``, ``4h`` or ``2d``, at most 30 days; raises UsageError."""
    found = _DURATION.fullmatch(word.lower())
    ms = int(found[1]) * _UNITS_MS[found[2]] if found else 0
    if not 0 < ms <= LONGEST_MUTE_MS:
        raise UsageError(f"{word[:40]!r} is no duration: expected one such as 30m, 4h or 2d, at most 30d.")
    return ms


def is_duration(word: str) -> bool:
    """Tell whether a word has the form of a duration."""
    return _DURATION.fullmatch(word.lower()) is not None


def read_target(words: Sequence[str]) -> Target:
    """Return the chat that ``telegram:123`` or ``telegram:-100123/4`` names; raises UsageError."""
    found = _TARGET.fullmatch(words[0]) if len(words) == 1 else None
    if found is None or found[1] not in (Channel.TELEGRAM, Channel.DISCORD):
        raise UsageError("Which chat? Expected one such as telegram:123; /pending shows who waits.")
    return Target(Channel(found[1]), found[2], found[3] or "")
