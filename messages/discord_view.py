"""How buttons look on Discord: the rows of components under a message."""

import discord

from core.model.buttons import Rows
from messages.limits import (
    DISCORD_BUTTONS_IN_ROW,
    DISCORD_CUSTOM_ID,
    DISCORD_LABEL,
    DISCORD_ROWS,
    cut,
)
from messages.presses import press_data


def discord_view(rows: Rows) -> discord.ui.View | None:
    """Return the components; None where there is no button. Needs a running loop.

    Presses are answered by their custom id alone, so the library is kept from remembering the view:
    it would hold every message ever sent, and forget them all at a restart.
    """
    taken = discord_buttons(rows)
    if not taken:
        return None
    view = discord.ui.View(timeout=None)
    for place, row in enumerate(taken):
        for label, custom_id in row:
            view.add_item(discord.ui.Button(label=label, custom_id=custom_id, row=place))
    view.stop()
    return view


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
