"""Who runs the embedded server when we are root, which PostgreSQL refuses to be."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from core.errors import StorageError

NAME = "embedded_postgres"


class Identity(TypedDict, total=False):
    """What ``subprocess`` needs to become another user; empty: stay."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """A system user that owns the server's files."""

    uid: int
    gid: int

    def identity(self) -> Identity:
        """Return the arguments that make ``subprocess`` run as this user and in no other group."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def service_user() -> ServiceUser | None:
    """Return the user to switch to, made when missing; None when we aren't root."""
    if os.geteuid() != 0:
        return None
    entry = _entry()
    if entry is None:
        useradd = shutil.which("useradd") or "/usr/sbin/useradd"
        try:
            subprocess.run(  # noqa: S603 - fixed arguments
                [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
                capture_output=True,
                timeout=30,
                check=False,
            )
        except OSError as error:
            raise _no_user() from error
        # Another process may have made it in the same moment: what counts is that it is there.
        entry = _entry()
    if entry is None:
        raise _no_user()
    return ServiceUser(entry.pw_uid, entry.pw_gid)


def open_to(user: ServiceUser, data: Path, programs: Path) -> None:
    """Let the user walk to its data and read the server's programs: search permission, no listing."""
    for folder in (*data.parents, *programs.parents):
        _allow(folder, stat.S_IXOTH)
    if not programs.stat().st_mode & stat.S_IROTH:
        # Installed under a narrow umask: the whole package, and the libraries beside it.
        package = programs.parents[1]
        for top in (package, package.with_name(f"{package.name}.libs")):
            for path in (top, *top.rglob("*")):
                mode = path.stat().st_mode
                _allow(path, stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        return None


def _no_user() -> StorageError:
    return StorageError(
        f"PostgreSQL doesn't run as root, and the system user {NAME} couldn't be made; "
        "run as an ordinary user, or name a server with HYPERFADE_DATABASE_URL"
    )
