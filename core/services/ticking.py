"""What happens every second: events finish, opportunities expire, prices are marked, facts are kept."""

from collections.abc import Awaitable, Callable

from core.answers import ALIVE, EVIDENCE_STATE, READING
from core.errors import StorageError
from core.model.outcomes import Evidence, Verdict
from core.ports import Clock, Sleep, StateStore
from core.services.collecting import Progress
from core.services.detecting import DetectionService
from core.services.listening import ListenService
from core.services.marking import MarkingService
from core.trouble import Trouble, database_trouble

TICK_S = 1.0
KEEP_EVERY_MS = 2_000
VERDICT_EVERY_MS = 60_000

LAST_HEARD = "last_trade_ms"
"""State key: when the feed was last heard; a restart back-fills from there."""


class TickService:
    """Let time pass for detection and marking, and keep the verdict and the facts of status fresh."""

    def __init__(
        self,
        detection: DetectionService,
        marking: MarkingService,
        listening: ListenService,
        state: StateStore,
        verdict: Callable[[int], Awaitable[Evidence]],
        clock: Clock,
        sleep: Sleep,
        reading: Callable[[], Progress | None] = lambda: None,
        database: Trouble | None = None,
    ) -> None:
        """``database``: its trouble, where others write to the same one."""
        self._detection = detection
        self._marking = marking
        self._listening = listening
        self._state = state
        self._verdict = verdict
        self._clock = clock
        self._sleep = sleep
        self._reading = reading
        self._database = database or database_trouble(clock.now_ms)
        self._kept_ms = 0
        self._judged_ms = 0
        self.sentence = ""
        """The verdict in one sentence, for every alert."""

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            now_ms = self._clock.now_ms()
            self._detection.tick(now_ms)
            try:
                await self._marking.mark(now_ms)
                await self._judge(now_ms)
                await self._keep(now_ms)
            except StorageError as error:
                self._database.met("marks", error)
            await self._sleep(TICK_S)

    async def _judge(self, now_ms: int) -> None:
        if now_ms - self._judged_ms < VERDICT_EVERY_MS:
            return
        evidence = await self._verdict(now_ms)
        self.sentence, self._judged_ms = evidence.sentence, now_ms
        if evidence.verdict is Verdict.SUPPORTED and await self._state.state(EVIDENCE_STATE) is None:
            await self._state.set_state(EVIDENCE_STATE, str(now_ms))

    async def _keep(self, now_ms: int) -> None:
        if now_ms - self._kept_ms < KEEP_EVERY_MS:
            return
        self._kept_ms = now_ms
        await self._state.set_state(ALIVE, str(now_ms))
        reading = self._reading()
        await self._state.set_state(READING, f"{reading.done}/{reading.total}" if reading else "")
        if self._listening.last_heard_ms is not None:
            await self._state.set_state(LAST_HEARD, str(self._listening.last_heard_ms))
        await self._state.set_state("watched", str(self._listening.seeded))
        await self._state.set_state("feed_gaps", str(self._listening.gaps))
        self._database.passed("marks")  # here: a tick with nothing due asks the database for nothing
