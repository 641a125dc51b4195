"""Ranking in a process of its own: Python does one thing at a time, and alerts can't wait for figures."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec

from core.errors import RankingFailed, StorageError
from core.model.traders import TraderStanding
from core.ports import Ranked
from hyperfade.rank_messages import LENGTH_BYTES, Answer, Done, Failed, Standings, Task, framed

LONGEST_S = 3600.0
ENDING_S = 2.0
BUFFER_BYTES = 2**20

_decoded = msgspec.msgpack.Decoder(Answer).decode


class RankProcess:
    """The Ranker whose books, figures and database connection are in a process of their own.

    The process starts with the first question. One that died, failed or wasn't waited for is
    replaced at the next; its successor reads all books anew. Ask one thing at a time.
    """

    def __init__(self, task: Task, longest_s: float) -> None:
        self._task = task
        self._longest_s = longest_s
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Return the id of the process where one runs."""
        return None if self._process is None else self._process.pid

    async def rank(self, as_of_ms: int) -> Ranked:
        """Rank by what is stored and store the run; raises StorageError or RankingFailed."""
        process = self._process or await self._start()
        is_sound = False
        try:
            async with asyncio.timeout(self._longest_s):
                ranked = await _ask(process, as_of_ms)
            is_sound = True
        except StorageError:
            is_sound = True
            raise
        except TimeoutError:
            raise RankingFailed(
                f"the ranking process gave no answer for {self._longest_s:g} s; the next round begins anew"
            ) from None
        except (ConnectionError, EOFError):
            raise RankingFailed(
                f"the ranking process {await self.close()}; the next round begins anew"
            ) from None
        finally:
            if not is_sound:
                await self.close()
        return ranked

    async def close(self) -> str:
        """End the process where one runs and return how it ended; it goes when nobody can ask any more."""
        process, self._process = self._process, None
        if process is None:
            return "has ended"
        try:
            async with asyncio.timeout(ENDING_S):
                await process.communicate(b"")
        except TimeoutError:
            process.kill()
            await process.communicate(b"")
        code = process.returncode or 0
        if code < 0:
            hint = " (is memory short?)" if code == -signal.SIGKILL else ""
            return f"was killed by signal {-code}{hint}"
        return f"ended with exit code {code}"

    async def _start(self) -> Process:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                # -P: nothing is imported from the folder that somebody happens to be in
                *("-P", "-m", "hyperfade.rank_child"),
                stdin=PIPE,
                stdout=PIPE,
                limit=BUFFER_BYTES,
                # Ctrl-C in the terminal is for us alone; we end it.
                start_new_session=True,
            )
        except OSError as error:
            raise RankingFailed(f"the ranking process can't be started: {error}") from error
        self._process = process
        assert process.stdin is not None
        process.stdin.write(framed(self._task))
        return process


@asynccontextmanager
async def rank_process(task: Task, *, longest_s: float = LONGEST_S) -> AsyncIterator[RankProcess]:
    """Rank in a process of its own, which starts when first asked and ends at exit.

    ``longest_s``: how long to wait for one ranking.
    """
    process = RankProcess(task, longest_s)
    try:
        yield process
    finally:
        await process.close()


async def _ask(process: Process, as_of_ms: int) -> Ranked:
    """Ask for one ranking and put the answer together, part by part, between other work."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(framed(as_of_ms))
    await process.stdin.drain()
    standings: list[TraderStanding] = []
    while True:
        length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
        answer = _decoded(await process.stdout.readexactly(length))
        match answer:
            case Standings():
                standings += answer.standings
                await asyncio.sleep(0)
            case Done():
                ranking = replace(answer.rest.ranking, standings=tuple(standings))
                return replace(answer.rest, ranking=ranking)
            case Failed(is_storage=True):
                raise StorageError(answer.error)
            case Failed():
                raise RankingFailed(f"ranking failed ({answer.error}); the next round begins anew")
