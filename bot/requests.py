"""What every platform hands to a command, and what it gets back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from core.model.alerts import Target
from core.model.buttons import Rows
from core.model.chats import Chat

Suggested = Literal["coin", "trader", "coin or trader", "zone"]
"""What can be offered while an argument is typed."""


@dataclass(frozen=True, slots=True)
class Request:
    """One command as somebody typed it; ``words`` are its arguments."""

    target: Target
    user_id: str | None
    """The platform's numeric id; None for posts in a channel's or a group's own name."""
    title: str
    """The chat's title, or the person's name: foreign text."""
    is_private: bool
    words: tuple[str, ...]
    is_administrator: Callable[[], Awaitable[bool]]
    """Asked only when a group's settings are to change."""
    is_press: bool = False
    """A button was pressed; nothing was typed."""
    is_demo: bool = False
    """Everything answered is made up, on a simulated exchange: say so."""
    within: Target | None = None
    """The group or channel that a topic or thread is in: with it it is let in and turned out."""

    @property
    def is_nameless(self) -> bool:
        """Tell whether this is a post of which nobody knows who wrote it: in a channel all are."""
        return self.user_id is None and not self.is_private


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart beside an answer."""

    name: str
    """A file name such as ``equity.png``."""
    png: bytes
    alt: str
    """What it shows, for those who can't see it; at most 1,024 characters."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer in the markup of the request's platform, within its limits."""

    text: str
    buttons: Rows = ()
    picture: Picture | None = None
    notice: str = ""
    """Answer to a press in a few words (at most 200 characters), shown over the chat; the message stays."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; ``prefix`` is the word that comes before it (``by pnl``)."""

    name: str
    help: str
    is_required: bool = False
    prefix: str = ""
    choices: tuple[str, ...] = ()
    suggest: Suggested | None = None
    """What a platform that completes arguments offers while it is typed: ``bot/suggestions.py``."""

    @property
    def usage(self) -> str:
        """Return ``COIN``, ``[coin]`` or ``[by badness|pnl]``."""
        word = "|".join(self.choices) or (self.name.upper() if self.is_required else self.name)
        text = f"{self.prefix} {word}".lstrip()
        return text if self.is_required else f"[{text}]"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what drives ``/help``, Telegram's menu and Discord's slash commands."""

    name: str
    help: str
    """One line, at most 100 characters (Discord's limit)."""
    answer: Callable[[Request, Chat], Awaitable[Reply]]
    arguments: tuple[Argument, ...] = ()
    changes_settings: bool = False
    """In a group only for administrators."""
    for_owners: bool = False
    """Only in an owner's chat; nobody else is shown it."""
    for_anybody: bool = False
    """Also in a chat that isn't let in, as long as something is kept of it."""

    @property
    def usage(self) -> str:
        """Return ``/losers [n] [coin]``."""
        return " ".join((f"/{self.name}", *(argument.usage for argument in self.arguments)))
