"""What this program and the process that draws for it say to each other through pipes."""

import msgspec

from core.model.answers import PerformanceAnswer, TraderAnswer


class DrawTrader(msgspec.Struct, frozen=True, tag=True):
    """Draw a trader's month."""

    answer: TraderAnswer


class DrawPerformance(msgspec.Struct, frozen=True, tag=True):
    """Draw what the alerts made."""

    answer: PerformanceAnswer


Wish = DrawTrader | DrawPerformance


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Said once, when the library is loaded."""


class Drawn(msgspec.Struct, frozen=True, tag=True):
    """The picture, or None where there is nothing to show."""

    png: bytes | None


class NotDrawn(msgspec.Struct, frozen=True, tag=True):
    """What went wrong."""

    error: str


Said = Ready | Drawn | NotDrawn
