"""Rows and pages of buttons: what a button can't carry is left out, never cut."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.model.buttons import Button, Rows

T = TypeVar("T")

MOST_LINE = 60
"""Bytes of a button's command line."""
ON_A_PAGE = 8
"""Things that have a button each, two in a row: a row is left for turning (Discord takes five)."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What is shown of a list at once."""

    items: tuple[T, ...]
    first: int
    """The place of the first, from 1 on."""
    total: int

    @property
    def here(self) -> tuple[str, ...]:
        """Return the words that come back to this page; none for the first."""
        return ("from", str(self.first)) if self.first > 1 else ()

    def turning(self, command: str) -> list[Button | None]:
        """Return the buttons to the pages before and after it."""
        after = self.first + len(self.items)
        return [
            button("‹ prev", command, "from", str(max(1, self.first - ON_A_PAGE)), edits=True)
            if self.first > 1
            else None,
            button("next ›", command, "from", str(after), edits=True) if after <= self.total else None,
        ]


def page_of(items: Sequence[T], first: int) -> Page[T]:
    """Return the page that begins at a place; the last one where there is nothing any more."""
    if first > len(items):
        first = max(0, len(items) - 1) // ON_A_PAGE * ON_A_PAGE + 1
    return Page(tuple(items[first - 1 : first - 1 + ON_A_PAGE]), first, len(items))


def button(label: str, *words: str, edits: bool = False) -> Button | None:
    """Return a button that gives this command line, or None where it is too long for one."""
    line = " ".join(words)
    return Button(label, line, edits) if len(line.encode()) <= MOST_LINE else None


def rows(*each: Iterable[Button | None]) -> Rows:
    """Return the rows that have buttons."""
    full = (tuple(one for one in row if one is not None) for row in each)
    return tuple(row for row in full if row)


def grid(buttons: Iterable[Button | None], width: int) -> Rows:
    """Return buttons in rows of so many."""
    them = [one for one in buttons if one is not None]
    return tuple(tuple(them[at : at + width]) for at in range(0, len(them), width))


def pager(
    words: Callable[[int], Sequence[str]], first: int, shown: int, size: int, total: int
) -> list[Button | None]:
    """Return prev, next and refresh of a page; ``words`` gives the command line of a page's first place.

    The next page begins after what was shown: a platform may show less than was asked for.
    """
    after = first + shown
    return [
        button("‹ prev", *words(max(1, first - size)), edits=True) if first > 1 else None,
        button("next ›", *words(after), edits=True) if after <= total else None,
        button("↻ refresh", *words(first), edits=True),
    ]


def chosen(name: str, is_chosen: bool) -> str:
    """Return a choice's label, marked where it is the present one."""
    return f"• {name}" if is_chosen else name
