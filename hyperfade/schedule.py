"""What runs when. The scheduler only names what is due; the work itself runs in the app's group."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger


class Job(StrEnum):
    """One kind of recurring work."""

    COINS = "coins"
    CANDIDATES = "candidates"
    RANK = "rank"


TIMETABLE = {
    Job.COINS: CronTrigger(minute=7, timezone="UTC"),
    Job.CANDIDATES: CronTrigger(minute=17, timezone="UTC"),
    Job.RANK: CronTrigger(minute=47, timezone="UTC"),
}


class DueJobs:
    """The jobs whose time has come, each at most once."""

    def __init__(self) -> None:
        self._due: dict[Job, None] = {}
        self._something = asyncio.Event()

    async def note(self, job: Job) -> None:
        """Let a job be due; one that already is stays so once."""
        self._due[job] = None
        self._something.set()

    async def next(self) -> Job:
        """Wait for the next job that is due."""
        await self._something.wait()
        job = next(iter(self._due))
        del self._due[job]
        if not self._due:
            self._something.clear()
        return job


@asynccontextmanager
async def timetable() -> AsyncIterator[DueJobs]:
    """Run the timetable for as long as the context lasts."""
    due = DueJobs()
    scheduler = AsyncIOScheduler(timezone="UTC")
    for job, trigger in TIMETABLE.items():
        scheduler.add_job(due.note, trigger, args=[job], id=job.value, coalesce=True, misfire_grace_time=600)
    scheduler.start()
    try:
        yield due
    finally:
        scheduler.shutdown(wait=False)
