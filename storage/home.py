"""The lock on a data folder: one writing process at a time, released by the system when it dies."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.errors import AlreadyRunning, StorageError

LOCK_NAME = "hyperfade.lock"
_SHORT = "for a moment"
_LONG = "for its life"
_SHORT_HOLD_S = 20.0
_POLL_S = 0.05


def unusable(home: Path, error: OSError) -> StorageError:
    """Return the error that says why a data folder can't be used and what to do."""
    return StorageError(
        f"cannot use the data folder {home}: {error.strerror or error}; "
        "choose another with HYPERFADE_HOME, or make room and give permission there"
    )


@asynccontextmanager
async def home_lock(home: Path, *, briefly: bool = False) -> AsyncIterator[None]:
    """Hold the folder's lock; raise AlreadyRunning when another process holds it.

    ``briefly`` marks a holder that will soon be gone (a listing): others wait for it.
    """
    descriptor = await _acquired(home, briefly)
    try:
        yield
    finally:
        # Closing releases; children never inherit it, so an orphaned server doesn't keep it.
        os.close(descriptor)


async def _acquired(home: Path, briefly: bool) -> int:
    descriptor = _opened(home)
    waited = 0.0
    try:
        while not _try_lock(descriptor):
            pid, purpose = _holder(descriptor)
            if purpose == _LONG or waited >= _SHORT_HOLD_S:
                raise AlreadyRunning(
                    f"another Hyperfade process{pid} uses the data folder {home}; "
                    "stop it first, or give this one its own folder with HYPERFADE_HOME"
                )
            await asyncio.sleep(_POLL_S)
            waited += _POLL_S
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n{_SHORT if briefly else _LONG}\n".encode(), 0)
    except OSError as error:
        os.close(descriptor)
        raise unusable(home, error) from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _opened(home: Path) -> int:
    try:
        home.mkdir(parents=True, exist_ok=True)
        return os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise unusable(home, error) from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> tuple[str, str]:
    """Return what the holder wrote: `` (pid 12)`` and how long it will stay."""
    lines = os.pread(descriptor, 200, 0).decode(errors="replace").splitlines()
    if len(lines) < 2 or not lines[0].isdigit():
        # Between its lock and its note; the next look will tell.
        return "", _SHORT
    return f" (pid {lines[0]})", lines[1]
