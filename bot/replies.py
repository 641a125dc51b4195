"""Replies in the words of the request's platform."""

from dataclasses import replace
from typing import Any

from bot.requests import Reply, Request
from core.model.buttons import Rows
from messages.limits import NOTICE, cut
from messages.render import render_answer


def reply(request: Request, name: str, answer: Any, *, buttons: Rows = (), **facts: Any) -> Reply:
    """Return the answer in the words of template ``name``; the rest of the facts go in by name."""
    text = render_answer(request.target.channel, name, answer, is_demo=request.is_demo, **facts)
    return Reply(text, buttons)


def notice(request: Request, words: str, *, buttons: Rows = ()) -> Reply:
    """Return a sentence or two; to a press it is shown over the chat, and the message stays."""
    said = reply(request, "notice", words, buttons=buttons)
    return said if buttons or not request.is_press else replace(said, notice=cut(words, NOTICE))
