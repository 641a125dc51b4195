"""Rows of buttons: what a button can't carry is left out, never cut."""

from collections.abc import Callable, Iterable, Sequence

from core.model.buttons import Button, Rows

MOST_LINE = 60
"""Bytes of a button's command line."""


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
