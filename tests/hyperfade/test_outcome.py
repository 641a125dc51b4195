"""How a command ends: its exit code, one line an error, and what stops it from outside."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from core.errors import AlreadyRunning, HyperfadeError, SettingsError, StorageError, UsageError
from hyperfade.outcome import INTERRUPTED, finish


def ending(work: Callable[[], Coroutine[Any, Any, int | None]]) -> int:
    with pytest.raises(SystemExit) as left:
        finish(work)
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (1, 1)])
def test_the_work_decides_the_code(answer: int | None, code: int) -> None:
    async def work() -> int | None:
        return answer

    assert ending(work) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StorageError("the database is down"), 1),
        (AlreadyRunning("another holds it"), 1),
        (SettingsError("a setting is wrong"), 2),
        (UsageError("an argument is wrong"), 2),
    ],
)
def test_an_error_is_one_line_and_its_code(
    capsys: pytest.CaptureFixture[str], error: HyperfadeError, code: int
) -> None:
    async def work() -> None:
        raise error

    assert ending(work) == code
    said = capsys.readouterr()
    assert said.err == f"hyperfade: {error}\n"
    assert said.out == ""


def test_a_groups_errors_are_told_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(error: Exception) -> None:
        raise error

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail(StorageError("the database is down")))
            group.create_task(fail(StorageError("the database is down")))
            group.create_task(fail(SettingsError("a setting is wrong")))

    assert ending(work) == 2
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "hyperfade: a setting is wrong",
        "hyperfade: the database is down",
    ]


def test_a_fault_of_our_own_is_not_dressed_up() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        finish(work)


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_the_work_close_what_it_opened(name: signal.Signals) -> None:
    closed = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), name)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    assert ending(work) == 0
    assert closed == [True]


def test_an_interrupt_before_the_loop_listens_has_the_shells_code() -> None:
    def work() -> Coroutine[Any, Any, None]:
        raise KeyboardInterrupt

    assert ending(work) == INTERRUPTED
