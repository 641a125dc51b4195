"""The command line as somebody in a terminal meets it: a process with its own environment and folder."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.changes import Changes

COMMAND = (sys.executable, "-m", "hyperfade")
PATIENCE_S = 60.0


def environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without anybody's settings but these; the data folder is inside ``folder``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HYPERFADE_")}
    repository = str(Path(__file__).resolve().parents[2])
    return {
        **inherited,
        "PYTHONPATH": repository,
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        "COLUMNS": "200",
        "HYPERFADE_HOME": str(folder / "home"),
        **settings,
    }


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str


async def run_command(folder: Path, *arguments: str, **settings: str) -> Finished:
    """Run a command to its end in ``folder``."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=folder,
        env=environment(folder, settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())


@dataclass
class Running:
    """A command that runs on; ``lines`` holds what it has said so far, both streams."""

    process: asyncio.subprocess.Process
    changes: Changes = field(default_factory=Changes)
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return everything said so far."""
        return "\n".join([*self.out, *self.err])

    async def says(self, words: str, seconds: float = PATIENCE_S) -> str:
        """Wait for a line with these words and return it."""

        def found() -> str:
            return next((line for line in [*self.out, *self.err] if words in line), "")

        return await self.changes.until(found, seconds, lambda: f"{words!r} is not in:\n{self.text}")

    async def until(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Wait until the condition is true; looked at whenever something was said."""
        await self.changes.until(condition, seconds, lambda: self.text)

    async def stop(self, seconds: float = 30.0) -> int:
        """Ask it to end, as a service manager does, and return its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(seconds):
            return await self.process.wait()

    async def read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        async for line in stream:
            lines.append(line.decode().rstrip("\n"))
            self.changes.announce()


@asynccontextmanager
async def running_command(folder: Path, *arguments: str, **settings: str) -> AsyncIterator[Running]:
    """Start a command and end it, one way or the other."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=folder,
        env=environment(folder, settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    running = Running(process)
    reading = asyncio.gather(
        running.read(process.stdout, running.out), running.read(process.stderr, running.err)
    )
    try:
        yield running
        if process.returncode is None:
            await running.stop()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reading
