"""What a button carries over the wire and back: a command line, and whether its answer edits.

The first sign says where the answer goes: ``=`` edits the message, ``+`` is a new one. Everything
that comes back can be forged by a modified client; it is read like typed words, with the presser's
own rights.
"""

import re
from dataclasses import dataclass

from core.model.buttons import Button

EDIT, ADD = "=", "+"
MOST_WORDS = 20

_DATA = re.compile(r"([=+])(?:\d{1,2}\|)?\s*([A-Za-z].*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button, as far as it can be trusted: what somebody wants to be done."""

    name: str
    words: tuple[str, ...]
    edits: bool


def press_data(button: Button) -> str:
    """Return what the platform keeps with a button."""
    return (EDIT if button.edits else ADD) + button.line


def read_press(data: str) -> Press | None:
    """Return what came back with a press; None where it is nothing of ours."""
    found = _DATA.fullmatch(data)
    if found is None:
        return None
    name, *words = found[2].split()[: MOST_WORDS + 1]
    return Press(name.lower(), tuple(words), found[1] == EDIT)
