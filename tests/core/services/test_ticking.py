"""The signs of life that a running process leaves, also when the database was away."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.answers import ALIVE, READING
from core.errors import StorageError
from core.model.outcomes import Verdict
from core.services.collecting import Progress
from core.services.ticking import TickService
from tests.support.detection_facts import T0
from tests.support.detection_ports import HandClock

pytestmark = pytest.mark.asyncio


class States:
    """Facts by name; away while ``is_away``."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.is_away = False

    async def state(self, key: str) -> str | None:
        return self.rows.get(key)

    async def set_state(self, key: str, value: str) -> None:
        if self.is_away:
            raise StorageError("the database is away")
        self.rows[key] = value


class Seconds:
    """Let a tick's pause pass at once, so many times; then stand still."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self._left = asyncio.Semaphore(0)
        self.is_resting = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.is_resting.set()
        await self._left.acquire()
        self._clock.at_ms += round(seconds * 1000)

    async def pass_by(self, count: int) -> None:
        for _ in range(count):
            self.is_resting.clear()
            self._left.release()
            await self.is_resting.wait()


async def mark(now_ms: int) -> None:
    """Nothing is due."""


async def verdict(now_ms: int) -> Any:
    return SimpleNamespace(verdict=Verdict.NONE_YET, sentence="")


async def test_a_sign_of_life_and_how_far_the_reading_is() -> None:
    clock, states = HandClock(), States()
    seconds = Seconds(clock)
    steps: list[Progress | None] = [Progress("reading traders", 300, 900)]
    still: Any = SimpleNamespace(tick=lambda now_ms: None, mark=mark, last_heard_ms=None, seeded=0, gaps=0)
    service = TickService(still, still, still, states, verdict, clock, seconds, reading=lambda: steps[-1])
    ticking = asyncio.create_task(service.run())
    await seconds.is_resting.wait()
    assert (states.rows[ALIVE], states.rows[READING]) == (str(T0), "300/900")

    states.is_away = True
    with capture_logs() as logs:
        await seconds.pass_by(5)
        assert [one["event"].partition(":")[0] for one in logs] == ["the database is away"]
    assert states.rows[ALIVE] == str(T0)

    states.is_away = False
    steps.append(None)
    await seconds.pass_by(2)
    assert int(states.rows[ALIVE]) > T0 + 4_000
    assert states.rows[READING] == ""
    ticking.cancel()
