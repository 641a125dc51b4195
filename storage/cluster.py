"""The files and the process of one folder's own server: made, started, adopted, stopped."""

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import asyncpg

from core.errors import StorageError
from storage.home import unusable
from storage.programs import Programs, cause_in
from storage.service_user import ServiceUser, open_to, service_user

_T = TypeVar("_T")

DATABASE = "hyperfade"
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 103
"""Bytes of a unix socket's path: 107 on Linux, 103 on macOS."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What the server's pid file says."""

    pid: int
    is_ready: bool


class Cluster:
    """The server of one data folder: ``postgres/data``, ``postgres/server.log``, and its socket."""

    def __init__(self, home: Path, user: ServiceUser | None) -> None:
        self._home = home
        self._folder = home.resolve() / "postgres"
        self._data = self._folder / "data"
        self._log = self._folder / "server.log"
        self._user = user
        self._programs = Programs(user)
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def prepared(cls, home: Path) -> "Cluster":
        """Return the server with its folder made, its files initialised and its version checked."""
        try:
            cluster = cls(home, service_user())
            cluster._make_folders()
            cluster._initialise()
        except OSError as error:
            raise unusable(home, error) from error
        return cluster

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
            open_to(self._user, self._folder, self._programs.folder)

    @property
    def _uid(self) -> int:
        return self._user.uid if self._user is not None else os.geteuid()

    def _initialise(self) -> None:
        """Make the cluster aside and put it in place whole: a kill leaves nothing half-made."""
        version = self._programs.run("postgres", "--version", failure="cannot run the embedded PostgreSQL")
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
        self._programs.run(
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
            await in_thread(lambda: self.stop("fast"))
            postmaster = None
        if postmaster is None:
            await in_thread(lambda: self._start(settings))
        connection = await asyncpg.connect(self._dsn("postgres"), timeout=10)
        try:
            if not await connection.fetchval("select 1 from pg_database where datname = $1", DATABASE):
                await connection.execute(f"create database {DATABASE}")
        except asyncpg.PostgresError as error:
            raise StorageError(f"the embedded PostgreSQL refuses: {error}; see {self._log}") from error
        finally:
            await connection.close()

    def postmaster(self) -> Postmaster | None:
        """Read the server's pid file; None where there is none or it is half-written."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not lines or not lines[0].strip().isdigit():
            return None
        return Postmaster(int(lines[0]), len(lines) > 7 and lines[7].strip() == "ready")

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
            cause = cause_in(self._log_lines())
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
                    str(self._programs.folder / "postgres"),
                    *("-D", str(self._data)),
                    *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._programs.surroundings(),
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
                self._programs.run(
                    "pg_ctl", "-D", str(self._data), "-m", how, "-w", "-t", str(patience_s), "stop",
                    failure="cannot stop the embedded PostgreSQL",
                )  # fmt: skip
                break
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)

    def _log_lines(self) -> Sequence[str]:
        try:
            return self._log.read_text(errors="replace").splitlines()
        except OSError:
            return ()


async def in_thread(work: Callable[[], _T]) -> _T:
    """Run blocking work; when cancelled, still wait for its end, so that no server starts unseen."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        # Nobody asks for its failure now (the same Ctrl-C stops initdb, say); untaken, asyncio would log it.
        task.exception()
        raise
