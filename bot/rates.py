"""How many commands one person may give a minute; pure: the time comes with the question."""

from collections import deque
from enum import Enum, auto

MOST = 20
WINDOW_MS = 60_000
REMEMBERED = 10_000
"""People; beyond it those who were quiet for a whole window are forgotten first."""


class Allowance(Enum):
    """What becomes of a command."""

    YES = auto()
    SAY_NO = auto()
    """Too many: the one time that this is said."""
    SILENCE = auto()


class Rates:
    """Count each person's commands within a sliding minute; what is refused doesn't count."""

    def __init__(self, most: int = MOST, window_ms: int = WINDOW_MS) -> None:
        self._most = most
        self._window_ms = window_ms
        self._given: dict[str, deque[int]] = {}
        self._warned: dict[str, int] = {}

    def ask(self, person: str, now_ms: int) -> Allowance:
        """Take one command of ``person``, or say that it is one too many."""
        given = self._given.get(person)
        if given is None:
            self._make_room(now_ms)
            given = self._given[person] = deque()
        while given and now_ms - given[0] >= self._window_ms:
            given.popleft()
        if len(given) < self._most:
            given.append(now_ms)
            return Allowance.YES
        # Said once for as long as the commands counted now are remembered.
        if self._warned.get(person, now_ms - self._window_ms) <= now_ms - self._window_ms:
            self._warned[person] = now_ms
            return Allowance.SAY_NO
        return Allowance.SILENCE

    def _make_room(self, now_ms: int) -> None:
        if len(self._given) < REMEMBERED:
            return
        since = now_ms - self._window_ms
        self._given = {who: given for who, given in self._given.items() if given and given[-1] > since}
        self._warned = {who: at for who, at in self._warned.items() if at > since}
        if len(self._given) >= REMEMBERED:
            # More people than this within a minute: nobody is refused because of another.
            self._given.clear()
