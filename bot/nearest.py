"""Offer what was nearly said: a wrong word comes back as buttons with the right ones."""

from dataclasses import replace

from bot.arguments import Unclear
from bot.replies import notice
from bot.requests import Command, Reply, Request
from bot.rows import button, rows
from core.model.chats import Chat

MOST_OFFERED = 5


def offering_the_nearest(command: Command) -> Command:
    """Return the command that, where one word is unclear, offers its line with each that is near."""

    async def answer(request: Request, chat: Chat) -> Reply:
        try:
            return await command.answer(request, chat)
        except Unclear as error:
            offered = (
                button(near, command.name, *_corrected(request.words, error.word, near), edits=True)
                for near in error.near[:MOST_OFFERED]
            )
            return notice(request, str(error), buttons=rows(offered))

    return replace(command, answer=answer)


def _corrected(words: tuple[str, ...], wrong: str, right: str) -> tuple[str, ...]:
    return tuple(right if word.lower() == wrong.lower() else word for word in words)
