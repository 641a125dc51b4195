"""Buttons under answers and alerts, the same on every platform."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Button:
    """A button is a command line that the one who presses it gives, with that person's own rights.

    Nothing else is taken from it: what a modified client sends is read like typed words.
    """

    label: str
    line: str
    """``losers 10 by pnl from 11``: command and words, at most 60 bytes (Telegram allows 64)."""
    edits: bool = False
    """The answer replaces the message under which the button is; otherwise it is a new message."""


Rows = tuple[tuple[Button, ...], ...]
"""Rows of at most five buttons, at most five rows."""
