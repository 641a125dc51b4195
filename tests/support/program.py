"""The program as a user starts it and lives with it: typed to, interrupted, killed, started again."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from storage.database import Database, open_database
from storage.embedded import embedded_server
from tests.support.command_line import COMMAND, Running, environment


@contextmanager
def data_folder() -> Iterator[Path]:
    """Make a folder that the server's own user may enter, and take it away afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hyperfade-e2e-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all processes that name this folder in their arguments or work in it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                works_in = (entry / "cwd").readlink()
            except OSError:  # gone meanwhile
                continue
            if str(folder) in line or works_in.is_relative_to(folder):
                found.append(line)
    return found


class Program(Running):
    """A running program with a keyboard."""

    async def types(self, line: str) -> None:
        """Type a line on its standard input; "\\udcff" is the byte ff, which is no letter."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode(errors="surrogateescape"))
        await self.process.stdin.drain()

    async def interrupt(self, seconds: float = 30.0) -> int:
        """Press Ctrl-C, wait for the end and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return await self.ended(seconds)

    async def kill(self) -> int:
        """Kill it without a word; what it started lives on."""
        if self.process.returncode is None:
            self.process.kill()
        return await self.ended()

    async def ended(self, seconds: float = 60.0) -> int:
        """Wait for its end and return the exit code."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()


@asynccontextmanager
async def program(folder: Path, *arguments: str, **settings: str) -> AsyncIterator[Program]:
    """Start the program with its data in ``folder/home``; kill it at exit if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        cwd=folder,
        env=environment(folder, settings),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    started = Program(process)
    reading = asyncio.gather(
        started.read(process.stdout, started.out), started.read(process.stderr, started.err)
    )
    try:
        yield started
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading
        if process.stdin is not None:
            process.stdin.close()


@asynccontextmanager
async def stored(home: Path) -> AsyncIterator[Database]:
    """Open what a program that has ended left in its data folder; its server ends with this."""
    async with embedded_server(home) as dsn, open_database(dsn) as database:
        yield database
