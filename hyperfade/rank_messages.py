"""What this program and the process that ranks for it say to each other through pipes."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from core.model.traders import RankingRules, TraderStanding
from core.ports import Ranked

LENGTH_BYTES = 4
STANDINGS_A_PART = 100
"""Some 2 ms of decoding: the reader looks after its other work between two parts."""


class Task(msgspec.Struct, frozen=True):
    """The first thing said: where the fills are, the rules, and how to log."""

    dsn: str
    rules: RankingRules
    log_level: str
    log_format: str
    secrets: tuple[str, ...]


class Standings(msgspec.Struct, frozen=True, tag=True):
    """A part of the answer: the next standings."""

    standings: tuple[TraderStanding, ...]


class Done(msgspec.Struct, frozen=True, tag=True):
    """The end of the answer: all but the standings that came before."""

    rest: Ranked


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The answer where there is none."""

    error: str
    is_storage: bool


Answer = Standings | Done | Failed


def framed(message: object) -> bytes:
    """Return a message with its length before it."""
    raw = msgspec.msgpack.encode(message)
    return len(raw).to_bytes(LENGTH_BYTES, "big") + raw


def parts(ranked: Ranked) -> Iterator[Answer]:
    """Yield an answer in the parts in which it is said."""
    standings = ranked.ranking.standings
    for start in range(0, len(standings), STANDINGS_A_PART):
        yield Standings(standings[start : start + STANDINGS_A_PART])
    yield Done(replace(ranked, ranking=replace(ranked.ranking, standings=())))
