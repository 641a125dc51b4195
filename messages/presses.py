"""What a button carries over the wire and back: a command line, and whether its answer edits.

The first sign says where the answer goes: ``=`` edits the message, ``+`` is a new one. Everything
that comes back can be forged by a modified client; it is read like typed words, with the presser's
own rights.
"""

import re
from dataclasses import dataclass

from core.model.buttons import Button, Rows
from messages.limits import (
    DISCORD_BUTTONS_IN_ROW,
    DISCORD_CUSTOM_ID,
    DISCORD_LABEL,
    DISCORD_ROWS,
    cut,
)

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


def discord_buttons(rows: Rows) -> list[list[tuple[str, str]]]:
    """Return label and custom id of each button that Discord takes, row by row.

    Discord refuses two buttons with one id in a message, so a line's second one is numbered.
    """
    used: set[str] = set()
    taken: list[list[tuple[str, str]]] = []
    for row in rows[:DISCORD_ROWS]:
        there: list[tuple[str, str]] = []
        for button in row[:DISCORD_BUTTONS_IN_ROW]:
            data = press_data(button)
            number = 2
            custom_id = data
            while custom_id in used:
                custom_id = f"{data[0]}{number}|{data[1:]}"
                number += 1
            if button.label.strip() and len(custom_id) <= DISCORD_CUSTOM_ID:
                used.add(custom_id)
                there.append((cut(button.label, DISCORD_LABEL), custom_id))
        if there:
            taken.append(there)
    return taken
