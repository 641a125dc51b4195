"""Read what people type after a command; every error says what was expected."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.answers import PERIODS
from core.errors import UsageError
from core.loser_order import LOSER_SORTS
from core.model.addresses import parse_address
from core.model.chats import Subscription
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
    """``/losers [n] [coin] [by …]``."""

    limit: int
    coin: Coin | None
    sort: str


@dataclass(frozen=True, slots=True)
class PerformanceQuery:
    """``/performance [7d|30d|all] [coin|ADDRESS]``."""

    period: str
    coin: Coin | None
    loser: Address | None


def read_losers(words: Sequence[str], known: Sequence[Coin]) -> LosersQuery:
    """Read number, coin and sorting in any order; raises UsageError."""
    limit, coin, sort = DEFAULT_LOSERS, None, "badness"
    left = list(words)
    while left:
        word = left.pop(0)
        if word.lower() == "by":
            if not left:
                raise UsageError(f"By what? Expected one of {', '.join(LOSER_SORTS)}.")
            sort = left.pop(0).lower()
            if sort not in LOSER_SORTS:
                raise UsageError(f"Can't sort by {sort[:40]!r}: expected one of {', '.join(LOSER_SORTS)}.")
        elif word.isascii() and word.isdigit():
            limit = int(word) if len(word) <= MOST_DIGITS else 0
            if not 1 <= limit <= MOST_LOSERS:
                raise UsageError(f"A list of {word[:40]} is not possible: expected 1 to {MOST_LOSERS}.")
        else:
            coin = read_coin(word, known)
    return LosersQuery(limit, coin, sort)


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


def read_subscriptions(words: Sequence[str], known: Sequence[Coin]) -> tuple[Subscription, ...]:
    """Read coins (or ``all``), then minimum USD, then minimum badness; raises UsageError."""
    names: list[str] = []
    numbers: list[str] = []
    for word in words:
        (numbers if _AMOUNT.fullmatch(word) else names).append(word)
    if not names:
        raise UsageError("Which coin? Send /subscribe BTC, or /subscribe all.")
    if len(numbers) > 2:
        raise UsageError(f"Expected at most two numbers, USD and badness: found {' '.join(numbers)[:60]!r}.")
    if len(names) > MOST_COINS:
        raise UsageError(f"At most {MOST_COINS} coins at once: found {len(names)}. /subscribe all takes all.")
    min_usd = read_usd(numbers[0]) if numbers else 0.0
    min_badness = _read_badness(numbers[1]) if len(numbers) > 1 else 0.0
    coins = (
        [None] if any(name.lower() == "all" for name in names) else [read_coin(name, known) for name in names]
    )
    return tuple(Subscription(coin, min_usd, min_badness) for coin in dict.fromkeys(coins))


def read_usd(word: str) -> float:
    """Return an amount such as ``5000``, ``$5,000``, ``10k`` or ``1.5m`` in USD; raises UsageError."""
    found = _AMOUNT.fullmatch(word)
    if found is None:
        raise UsageError(f"{word[:40]!r} is not an amount in USD: expected one such as 5000 or 10k.")
    amount = float(found[1].replace(",", "")) * {"": 1.0, "k": 1e3, "m": 1e6}[found[2].lower()]
    if amount > MOST_USD:
        raise UsageError(f"{word[:40]!r} is more than there is: expected an amount in USD such as 10k.")
    return amount


def _read_badness(word: str) -> float:
    value = read_usd(word)
    if value > 100:
        raise UsageError(f"{word[:40]!r} is not a badness: expected 0 to 100.")
    return value


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
    raise UsageError(f"{word!r} is not a listed coin: {hint}")
