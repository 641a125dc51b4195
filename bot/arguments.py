"""Read what people type after a command; every error says what was expected."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.answers import PERIODS
from core.errors import Unclear, UsageError
from core.loser_order import LOSER_SORTS
from core.model.addresses import parse_address
from core.model.market import Address, Coin

MOST_LOSERS = 50
MOST_DIGITS = 9
DEFAULT_LOSERS = 15
MOST_COINS = 50
MOST_USD = 1e12

_AMOUNT = re.compile(r"\$?(\d[\d,]*(?:\.\d+)?)([kKmM]?)")
_COIN = re.compile(r"[A-Za-z0-9]{1,16}(:[A-Za-z0-9]{1,16})?")


@dataclass(frozen=True, slots=True)
class LosersQuery:
    """``/losers [n] [coin] [by …] [from N]``."""

    limit: int
    coin: Coin | None
    sort: str
    first: int = 1


@dataclass(frozen=True, slots=True)
class PageQuery:
    """``/crowd [coin] [from N]``."""

    coin: Coin | None
    first: int


@dataclass(frozen=True, slots=True)
class PerformanceQuery:
    """``/performance [7d|30d|all] [coin|ADDRESS]``."""

    period: str
    coin: Coin | None
    loser: Address | None


def read_losers(words: Sequence[str], known: Sequence[Coin]) -> LosersQuery:
    """Read number, coin, sorting and place in any order; raises UsageError."""
    limit, coin, sort = DEFAULT_LOSERS, None, "badness"
    left, first = _read_place(words)
    while left:
        word = left.pop(0)
        if word.lower() == "by":
            if not left:
                raise UsageError(f"By what? Expected one of {', '.join(LOSER_SORTS)}.")
            sort = left.pop(0).lower()
            if sort not in LOSER_SORTS:
                raise Unclear(
                    f"Can't sort by {sort[:40]!r}: expected one of {', '.join(LOSER_SORTS)}.",
                    sort,
                    tuple(LOSER_SORTS),
                )
        elif word.isascii() and word.isdigit():
            limit = int(word) if len(word) <= MOST_DIGITS else 0
            if not 1 <= limit <= MOST_LOSERS:
                raise UsageError(f"A list of {word[:40]} is not possible: expected 1 to {MOST_LOSERS}.")
        else:
            coin = read_coin(word, known)
    return LosersQuery(limit, coin, sort, first)


def read_page(words: Sequence[str], known: Sequence[Coin]) -> PageQuery:
    """Read no coin or one, and a place; raises UsageError."""
    left, first = _read_place(words)
    return PageQuery(read_one_coin(left, known), first)


def _read_place(words: Sequence[str]) -> tuple[list[str], int]:
    """Return the words without ``from N``, and N, 1 where nothing is said."""
    at = next((nth for nth, word in enumerate(words) if word.lower() == "from"), None)
    if at is None:
        return list(words), 1
    number = words[at + 1] if at + 1 < len(words) else ""
    if not (_is_number(number) and len(number) <= MOST_DIGITS and int(number) > 0):
        raise UsageError("From which place? Expected a number from 1 on, such as: from 16.")
    return [*words[:at], *words[at + 2 :]], int(number)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def split_place(words: Sequence[str]) -> tuple[tuple[str, ...], int]:
    """Return the words without ``from N`` at their end, and N, 1 where nothing is said.

    Elsewhere the word may belong to a name that a chat gave.
    """
    if len(words) < 2 or words[-2].lower() != "from" or not _is_number(words[-1]):
        return tuple(words), 1
    _, first = _read_place(words[-2:])
    return tuple(words[:-2]), first


def read_performance(words: Sequence[str], known: Sequence[Coin]) -> PerformanceQuery:
    """Read period and coin or address in any order; raises UsageError."""
    period, coin, loser = "30d", None, None
    for word in words:
        if word.lower() in PERIODS:
            period = word.lower()
        elif word.lower().startswith("0x"):
            loser = parse_address(word)
        else:
            coin = read_coin(word, known)
    return PerformanceQuery(period, coin, loser)


def read_one_coin(words: Sequence[str], known: Sequence[Coin]) -> Coin | None:
    """Read no coin or one; raises UsageError."""
    if len(words) > 1:
        raise UsageError(f"One coin at a time: found {' '.join(words)[:40]!r}.")
    return read_coin(words[0], known) if words else None


def read_usd(word: str) -> float:
    """Return an amount such as ``5000``, ``$5,000``, ``10k`` or ``1.5m`` in USD; raises UsageError."""
    found = _AMOUNT.fullmatch(word)
    if found is None:
        raise UsageError(f"{word[:40]!r} is not an amount in USD: expected one such as 5000 or 10k.")
    amount = float(found[1].replace(",", "")) * {"": 1.0, "k": 1e3, "m": 1e6}[found[2].lower()]
    if amount > MOST_USD:
        raise UsageError(f"{word[:40]!r} is more than there is: expected an amount in USD such as 10k.")
    return amount


def read_coin(word: str, known: Sequence[Coin]) -> Coin:
    """Return the listed coin that was meant, whatever its case; raises UsageError with the nearest.

    Before the exchange's coins are known anything of a coin's form is taken.
    """
    if word in known:
        return Coin(word)
    if not _COIN.fullmatch(word):
        raise UsageError(f"{word[:40]!r} is not a coin: expected a name such as BTC.")
    if not known:
        return Coin(word.upper() if word.islower() else word)
    same = [coin for coin in known if coin.lower() == word.lower()]
    if same:
        return same[0]
    names = {coin.upper(): coin for coin in known}
    near = [names[match] for match in difflib.get_close_matches(word.upper(), names, n=3)]
    hint = (
        f"did you mean {', '.join(near)}?" if near else "expected one that the exchange lists, such as BTC."
    )
    raise Unclear(f"{word!r} is not a listed coin: {hint}", word, near)
