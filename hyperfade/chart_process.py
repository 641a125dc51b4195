"""Drawing in a process of its own: a picture holds Python for 0.1 s and more, and alerts can't wait."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import structlog

from bot.requests import Picture
from core.model.answers import PerformanceAnswer, TraderAnswer
from hyperfade.chart_messages import Drawn, DrawPerformance, DrawTrader, NotDrawn, Ready, Said, Wish
from hyperfade.rank_messages import LENGTH_BYTES, framed
from messages.charts import performance_words, trader_words

log = structlog.get_logger(__name__)

LONGEST_S = 5.0
ENDING_S = 1.0
BUFFER_BYTES = 2**20

_decoded = msgspec.msgpack.Decoder(Said).decode


class ChartProcess:
    """The Charts whose library lives in a process of its own, started by the first wish.

    Whatever goes wrong is one warning and no picture; the next wish finds a sound process.
    """

    def __init__(self, folder: Path, longest_s: float = LONGEST_S) -> None:
        self._folder = folder
        self.longest_s = longest_s
        self._process: Process | None = None
        self._is_ready = False
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """Return the id of the process where one runs."""
        return None if self._process is None else self._process.pid

    async def trader(self, answer: TraderAnswer) -> Picture | None:
        """Draw a trader's month."""
        # The last ones are all in ``trips``, and the other figures are in the text.
        png = await self._draw(DrawTrader(replace(answer, recent_trips=(), by_coin=(), positions=())))
        return None if png is None else Picture(f"trader-{answer.address}.png", png, trader_words(answer))

    async def performance(self, answer: PerformanceAnswer) -> Picture | None:
        """Draw what the alerts made."""
        bare = replace(answer, horizons=(), delays=(), by_coin=(), by_side=(), by_loser=())
        png = await self._draw(DrawPerformance(bare))
        return None if png is None else Picture("performance.png", png, performance_words(answer))

    async def close(self) -> None:
        """End the process where one runs."""
        process, self._process, self._is_ready = self._process, None, False
        if process is None:
            return
        try:
            async with asyncio.timeout(ENDING_S):
                await process.communicate(b"")
        except TimeoutError:
            process.kill()
            await process.communicate(b"")

    async def _draw(self, wish: Wish) -> bytes | None:
        try:
            async with asyncio.timeout(self.longest_s), self._turn:
                return await self._ask(wish)
        except TimeoutError:
            log.warning("chart not drawn", error=f"no picture within {self.longest_s:g} s")
        except (ConnectionError, EOFError) as error:
            log.warning("chart not drawn", error=f"the process that draws died ({type(error).__name__})")
        except OSError as error:
            log.warning("chart not drawn", error=f"the process that draws can't be started: {error}")
        return None

    async def _ask(self, wish: Wish) -> bytes | None:
        process = await self._sound_process()
        assert process.stdin is not None
        is_sound = False
        try:
            if not self._is_ready:
                await _read(process)
                self._is_ready = True
            process.stdin.write(framed(wish))
            await process.stdin.drain()
            said = await _read(process)
            is_sound = True
        except asyncio.CancelledError:
            # One that is still loading goes on: where that takes long, the next wish finds it ready.
            is_sound = not self._is_ready
            raise
        finally:
            if not is_sound:
                await self._kill()
        match said:
            case Drawn():
                return said.png
            case NotDrawn():
                log.warning("chart not drawn", error=said.error)
                return None
            case Ready():
                raise ConnectionError

    async def _sound_process(self) -> Process:
        if self._process is not None and self._process.returncode is not None:
            await self.close()
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                # -P: nothing is imported from the folder that somebody happens to be in
                *("-P", "-m", "hyperfade.chart_child"),
                stdin=PIPE,
                stdout=PIPE,
                limit=BUFFER_BYTES,
                env={**os.environ, "MPLCONFIGDIR": str(self._folder)},
                # Ctrl-C in the terminal is for us alone; we end it.
                start_new_session=True,
            )
        return self._process

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        await self.close()


@asynccontextmanager
async def chart_process(folder: Path, *, longest_s: float = LONGEST_S) -> AsyncIterator[ChartProcess]:
    """Draw in a process of its own, which starts when first asked and ends at exit.

    ``folder``: where the library keeps what it learned about fonts. ``longest_s``: how long an answer
    waits for its picture.
    """
    charts = ChartProcess(folder, longest_s)
    try:
        yield charts
    finally:
        await charts.close()


async def _read(process: Process) -> Said:
    assert process.stdout is not None
    length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
    said: Said = _decoded(await process.stdout.readexactly(length))
    return said
