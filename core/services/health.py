"""Tells owners what is wrong with the program itself: once when it begins, once when it is over."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from core.errors import StorageError
from core.model.market import HOUR_MS
from core.model.notices import HealthFacts, Problem
from core.ports import Clock, OwnerNotices, Sleep, StateStore
from core.trouble import Trouble

LOOK_EVERY_S = 5.0
DEAF_MS = 60_000
STALE_MS = 2 * HOUR_MS
BEHIND_MS = 120_000

STATE = "health"
"""State key: what is wrong, and since when, as told to the owners; it outlives a restart."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The alert that waits longest."""

    since_ms: int
    target: str
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells how the program is; unknown is None."""

    heard_ms: Callable[[], int | None]
    """When the feed last gave any sign."""
    ranked_ms: Callable[[], int | None]
    """Of when the list is."""
    waiting: Callable[[], Awaitable[Waiting | None]]
    chats: Callable[[Sequence[str]], Awaitable[Mapping[str, str | None]]]
    """Every chat that is switched off, and these, with why it is off (None: it isn't)."""


class HealthService:
    """Compare the signs with what owners were told."""

    def __init__(
        self,
        signs: Signs,
        notices: OwnerNotices,
        state: StateStore,
        clock: Clock,
        sleep: Sleep,
        database: Trouble,
    ) -> None:
        """``database``: its trouble, which all who use the same one share."""
        self._signs = signs
        self._notices = notices
        self._state = state
        self._clock = clock
        self._sleep = sleep
        self._database = database
        self._started_ms = clock.now_ms()
        self._open: dict[str, int] | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
                self._database.passed("health")
            except StorageError as error:
                self._database.met("health", error)
            await self._sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Tell what began and what is over since the last look. Raises StorageError."""
        if self._open is None:
            self._open = json.loads(await self._state.state(STATE) or "{}")
        now_ms = self._clock.now_ms()
        await self._feed(now_ms)
        await self._list(now_ms)
        await self._dispatch(now_ms)
        await self._chats(now_ms)

    async def _feed(self, now_ms: int) -> None:
        heard_ms = max(self._signs.heard_ms() or 0, self._started_ms)
        if now_ms - heard_ms > DEAF_MS:
            detail = (
                f"Nothing was heard from the exchange for {_long(now_ms - heard_ms)}: no new trade makes an "
                "alert until it is back. Check the network; hyperfade doctor tells more."
            )
            await self._begin(Problem.FEED_DEAF, heard_ms, detail, now_ms)
        else:
            await self._end(
                Problem.FEED_DEAF, "The exchange is heard again; what was missed is filled in.", now_ms
            )

    async def _list(self, now_ms: int) -> None:
        ranked_ms = max(self._signs.ranked_ms() or 0, self._started_ms)
        if now_ms - ranked_ms > STALE_MS:
            detail = (
                f"The losers' list is {_long(now_ms - ranked_ms)} old: alerts go on by it. The log says what "
                "stops the rankings; hyperfade doctor checks the exchange and the database."
            )
            await self._begin(Problem.LIST_STALE, ranked_ms, detail, now_ms)
        else:
            await self._end(Problem.LIST_STALE, "There is a new list.", now_ms)

    async def _dispatch(self, now_ms: int) -> None:
        waiting = await self._signs.waiting()
        if waiting is not None and now_ms - waiting.since_ms > BEHIND_MS:
            why = f" Last error there: {waiting.last_error}." if waiting.last_error else ""
            detail = (
                f"Alerts are late: the oldest waits for {_long(now_ms - waiting.since_ms)}, for "
                f"{waiting.target}.{why} Other chats are not held up by it."
            )
            await self._begin(Problem.DISPATCH_BEHIND, waiting.since_ms, detail, now_ms)
        else:
            await self._end(Problem.DISPATCH_BEHIND, "No alert waits any more.", now_ms)

    async def _chats(self, now_ms: int) -> None:
        prefix = f"{Problem.CHAT_OFF} "
        told = [key.removeprefix(prefix) for key in self._known if key.startswith(prefix)]
        chats = await self._signs.chats(told)
        for target, reason in chats.items():
            if reason is not None:
                detail = (
                    f"{target} gets nothing any more: {reason}. It is switched on when somebody writes there."
                )
                await self._begin(Problem.CHAT_OFF, now_ms, detail, now_ms, target)
            else:
                await self._end(Problem.CHAT_OFF, f"{target} gets alerts again.", now_ms, target)
        for gone in set(told) - chats.keys():  # it left for good: nothing to tell
            await self._forget(f"{prefix}{gone}")

    @property
    def _known(self) -> dict[str, int]:
        assert self._open is not None
        return self._open

    async def _begin(
        self, problem: Problem, since_ms: int, detail: str, now_ms: int, about: str = ""
    ) -> None:
        key = f"{problem} {about}".rstrip()
        if key in self._known:
            return
        await self._notices.health(HealthFacts(problem, since_ms, False, detail), now_ms)
        self._known[key] = since_ms
        await self._keep()

    async def _end(self, problem: Problem, detail: str, now_ms: int, about: str = "") -> None:
        key = f"{problem} {about}".rstrip()
        since_ms = self._known.get(key)
        if since_ms is None:
            return
        await self._notices.health(HealthFacts(problem, since_ms, True, detail), now_ms)
        await self._forget(key)

    async def _forget(self, key: str) -> None:
        del self._known[key]
        await self._keep()

    async def _keep(self) -> None:
        await self._state.set_state(STATE, json.dumps(self._known))


def _long(ms: int) -> str:
    minutes = ms // 60_000
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
