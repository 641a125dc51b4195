"""What is offered while an argument is typed: coins, traders, time zones."""

import asyncio
import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import assert_never

import structlog

from bot.answers import Answers
from bot.requests import Suggested
from core.errors import HyperfadeError
from core.model.alerts import Target
from core.model.chats import Chat, Follow, Role
from core.model.market import Address, Coin
from core.ports import ChatStore
from messages.escaping import clean
from messages.figures import short_address
from messages.limits import DISCORD_CHOICE, DISCORD_CHOICES, cut

log = structlog.get_logger(__name__)

_TIMES_AND_ZONE = re.compile(r"([\d:-]+ )?([A-Za-z].*)")

WITHIN_S = 2.0
"""Discord waits 3 s, and nothing can be told after that."""

REMEMBERED_MS = 60_000
"""How long coins and losers are offered from memory: every key that is pressed asks again."""

MOST_LOSERS = 500


@dataclass(frozen=True, slots=True)
class Choice:
    """One offer: what is read, and what it puts into the argument."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class _Loser:
    rank: int
    address: Address
    badness: float | None


class Suggestions:
    """Offer what fits to the letters typed so far, to chats that are let in."""

    def __init__(self, answers: Answers, chats: ChatStore, within_s: float = WITHIN_S) -> None:
        self._answers = answers
        self._chats = chats
        self._within_s = within_s
        self._coins: tuple[int, tuple[Coin, ...]] | None = None
        self._losers: tuple[int, tuple[_Loser, ...]] | None = None

    async def suggest(self, kind: Suggested, typed: str, target: Target) -> tuple[Choice, ...]:
        """Return at most 25 choices of at most 100 characters; none when they can't be had in time."""
        try:
            async with asyncio.timeout(self._within_s):
                chat = await self._chats.chat(target)
                if chat is None or chat.role not in (Role.OWNER, Role.MEMBER):
                    return ()
                return _fitting(await self._offers(kind, typed.strip(), chat))
        except (HyperfadeError, TimeoutError) as error:
            log.warning("nothing to suggest", kind=kind, error=str(error) or "too slow")
            return ()

    async def _offers(self, kind: Suggested, typed: str, chat: Chat) -> Iterable[Choice]:
        match kind:
            case "coin":
                return coin_choices(typed, await self._known_coins())
            case "trader":
                followed = _followed_choices(typed, chat.follows)
                return (*followed, *_loser_choices(typed, await self._known_losers()))
            case "coin or trader":
                coins = coin_choices(typed, await self._known_coins())
                followed = _followed_choices(typed, chat.follows)
                return (*coins, *followed, *_loser_choices(typed, await self._known_losers()))
            case "zone":
                return zone_choices(typed)
            case _:
                assert_never(kind)

    async def _known_coins(self) -> tuple[Coin, ...]:
        now_ms = self._answers.clock.now_ms()
        if self._coins is None or not 0 <= now_ms - self._coins[0] < REMEMBERED_MS:
            self._coins = now_ms, await self._answers.coins()
        return self._coins[1]

    async def _known_losers(self) -> tuple[_Loser, ...]:
        now_ms = self._answers.clock.now_ms()
        if self._losers is None or not 0 <= now_ms - self._losers[0] < REMEMBERED_MS:
            answer = await self._answers.losers(MOST_LOSERS, None, "badness")
            listed = (_Loser(one.rank, one.address, one.badness) for one in answer.items if one.rank)
            self._losers = now_ms, tuple(listed)
        return self._losers[1]


def coin_choices(typed: str, coins: Iterable[Coin]) -> tuple[Choice, ...]:
    """Complete the last of the coins typed so far; those before it stay."""
    *before, last = typed.split() if typed else [""]
    names = _best_first(last, (coin for coin in coins if coin not in before))
    return tuple(Choice(name, name) for name in (" ".join((*before, coin)) for coin in names))


def zone_choices(typed: str) -> tuple[Choice, ...]:
    """Return IANA time zones that have the letters in their name; times before them stay.

    Nothing typed, nothing offered: what takes a zone (``/settings``) takes other words too.
    """
    found = _TIMES_AND_ZONE.fullmatch(typed)
    if found is None:
        return ()
    times = found[1] or ""
    names = _best_first(found[2].replace(" ", "_"), _zones())
    return tuple(Choice(name, name) for name in (times + zone for zone in names))


@cache
def _zones() -> tuple[str, ...]:
    # Reads a folder of some hundred files, once.
    return ("UTC", *sorted(zoneinfo.available_timezones() - {"UTC"}))


def _followed_choices(typed: str, follows: Iterable[Follow]) -> Iterable[Choice]:
    wanted = typed.casefold()
    for follow in follows:
        label = clean(follow.label or "", DISCORD_CHOICE // 2)
        if wanted in label.casefold() or follow.address.startswith(wanted):
            name = f"{label} ({short_address(follow.address)})" if label else short_address(follow.address)
            yield Choice(name, follow.address)


def _loser_choices(typed: str, losers: Iterable[_Loser]) -> Iterable[Choice]:
    wanted = typed.casefold()
    number = wanted.removeprefix("#")
    for loser in losers:
        is_rank = number.isdecimal() and str(loser.rank).startswith(number)
        if not number or is_rank or loser.address.startswith(wanted):
            badness = "" if loser.badness is None else f", badness {loser.badness:.0f}"
            yield Choice(f"#{loser.rank} {short_address(loser.address)}{badness}", loser.address)


def _best_first(typed: str, names: Iterable[str]) -> list[str]:
    """Return the names with the letters in them, those that begin so first."""
    wanted = typed.casefold()
    found = [name for name in names if wanted in name.casefold()]
    return sorted(found, key=lambda name: not name.casefold().startswith(wanted))


def _fitting(choices: Iterable[Choice]) -> tuple[Choice, ...]:
    """Return the first choices, each value once; a value is never cut, it would be another."""
    fitting: dict[str, Choice] = {}
    for choice in choices:
        if choice.name and 0 < len(choice.value) <= DISCORD_CHOICE:
            fitting.setdefault(choice.value, Choice(cut(choice.name, DISCORD_CHOICE), choice.value))
        if len(fitting) == DISCORD_CHOICES:
            break
    return tuple(fitting.values())
