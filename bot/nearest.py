"""Offer what was nearly said: wrong words come back as buttons with the right ones."""

from collections.abc import Sequence
from dataclasses import replace

from bot.replies import notice
from bot.requests import Command, Reply, Request
from bot.rows import button, grid
from core.errors import Unclear
from core.model.chats import Chat

MOST_OFFERED = 5
SHORT = 12
"""Characters of a label that leave room for five in a row on a phone."""


def offering_the_nearest(command: Command) -> Command:
    """Return the command that, where one word is unclear, offers its line with each that is near."""

    async def answer(request: Request, chat: Chat) -> Reply:
        try:
            return await command.answer(request, chat)
        except Unclear as error:
            near = error.near[:MOST_OFFERED]
            offered = (
                button(one, command.name, *_corrected(request.words, error.word.split(), one), edits=True)
                for one in near
            )
            in_a_row = 1 if any(len(one) > SHORT for one in near) else MOST_OFFERED
            return notice(request, str(error), buttons=grid(offered, in_a_row))

    return replace(command, answer=answer)


def _corrected(words: Sequence[str], wrong: Sequence[str], right: str) -> list[str]:
    lower, sought = [word.lower() for word in words], [word.lower() for word in wrong]
    size, corrected, at = max(1, len(sought)), list[str](), 0
    while at < len(words):
        is_wrong = lower[at : at + size] == sought
        corrected.append(right if is_wrong else words[at])
        at += size if is_wrong else 1
    return corrected
