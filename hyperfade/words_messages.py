"""What this program and the process that renders the user's own templates say to each other."""

import pickle
import sys
from collections.abc import Sequence
from functools import partial
from io import BytesIO
from types import FunctionType, MethodType
from typing import Any

import msgspec

from core.model.alerts import Channel


class Check(msgspec.Struct, frozen=True, tag=True):
    """Compile the template of this name."""

    name: str


class Render(msgspec.Struct, frozen=True, tag=True):
    """Render the first template that there is of these."""

    channel: Channel
    names: tuple[str, ...]
    pickled: bytes
    """Facts are values of many kinds; they go only from the program to its child, never back."""


Wish = Check | Render


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Said once, when everything is loaded."""


class Text(msgspec.Struct, frozen=True, tag=True):
    """What came of it; empty after a check."""

    text: str


class Wrong(msgspec.Struct, frozen=True, tag=True):
    """What is wrong, and where; ``is_greedy``: it took too much time or memory, and would again."""

    place: str
    problem: str
    is_greedy: bool = False


Said = Ready | Text | Wrong


class _Facts(pickle.Pickler):
    """Leaves out what no template can call: the functions that a command carries along."""

    def reducer_override(self, obj: Any) -> Any:
        is_left_out = isinstance(obj, MethodType | partial) or (
            isinstance(obj, FunctionType) and not hasattr(sys.modules[obj.__module__], obj.__qualname__)
        )
        return (_left_out, ()) if is_left_out else NotImplemented


def _left_out() -> None:
    """Stand where a function was."""


def wish_for(channel: Channel, names: Sequence[str], facts: dict[str, Any]) -> Render:
    """Return the wish to render these facts."""
    out = BytesIO()
    _Facts(out).dump(facts)
    return Render(channel, tuple(names), out.getvalue())


def facts_of(wish: Render) -> dict[str, Any]:
    """Return the facts of a wish."""
    facts: dict[str, Any] = pickle.loads(wish.pickled)  # noqa: S301  our parent wrote it
    return facts
