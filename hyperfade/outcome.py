"""How a command ends: exit code 0, 1 or 2, one clear line for an error, never a traceback."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from core.errors import HyperfadeError

Work = Callable[[], Coroutine[Any, Any, int | None]]

INTERRUPTED = 130


def finish(work: Work) -> NoReturn:
    """Run a command's work to its end and leave with its exit code."""
    try:
        code = asyncio.run(_stoppable(work))
    except HyperfadeError as error:
        code = _report([error])
    except ExceptionGroup as group:
        code = _report(_leaves(group))
    except BrokenPipeError:
        # the reader (head, say) has seen enough; Python must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code or 0)


async def _stoppable(work: Work) -> int | None:
    """Let Ctrl-C and SIGTERM cancel the work, which then closes what it opened."""
    task = asyncio.ensure_future(work())
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(name, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if stopped:
            return 0
        raise


def _report(errors: list[Exception]) -> int:
    known = [error for error in errors if isinstance(error, HyperfadeError)]
    for error in errors:
        if not isinstance(error, HyperfadeError):
            raise error
    for error in {str(error): error for error in known}.values():
        print(f"hyperfade: {error}", file=sys.stderr)
    return max((error.exit_code for error in known), default=1)


def _leaves(group: ExceptionGroup[Exception]) -> list[Exception]:
    found: list[Exception] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, ExceptionGroup) else [error]
    return found
