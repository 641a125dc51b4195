"""The server that comes with us starts fast, alone, again after a kill, and leaves nothing behind."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from core.errors import AlreadyRunning, StorageError
from storage.cluster import in_thread
from storage.embedded import borrowed_server, embedded_server, running_server
from storage.home import LOCK_NAME

pytestmark = pytest.mark.asyncio

CHILD = Path(__file__).with_name("embedded_child.py")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a data folder that the server's user can reach, which pytest's own isn't."""
    with tempfile.TemporaryDirectory(prefix="hyperfade-test-") as folder:
        yield Path(folder) / "home"


@contextmanager
def another_process(home: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run an embedded server in a process of its own; yield it and what it printed first."""
    with subprocess.Popen(
        [sys.executable, str(CHILD), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            # The end of its input lets it stop its server too.
            process.stdin.close()
            process.wait(30)


def others_may(path: Path) -> int:
    return path.stat().st_mode & 0o077


def remove(folder: Path) -> None:
    folder.rmdir()


def given_away(home: Path, uid: int) -> None:
    """Make the folder and let another user own it."""
    home.parent.chmod(0o755)
    home.mkdir()
    os.chown(home, uid, uid)


async def ask(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def server_pid(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().splitlines()[0])


async def test_a_server_starts_answers_and_is_gone_afterwards(home: Path) -> None:
    async with embedded_server(home) as dsn:
        assert await ask(dsn, "select current_database()") == "hyperfade"
        assert await running_server(home) == dsn
        pid = server_pid(home)
    assert await running_server(home) is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_was_stored_is_there_at_the_next_start(home: Path) -> None:
    async with embedded_server(home) as dsn:
        await ask(dsn, "create table kept as select 42 as answer")
    async with embedded_server(home) as dsn:
        assert await ask(dsn, "select answer from kept") == 42


@pytest.mark.parametrize("name", ["with space 'quote' \"double\" $HOME", "x" * 120])
async def test_any_folder_name_will_do(home: Path, name: str) -> None:
    async with embedded_server(home / name) as dsn:
        assert await ask(dsn, "select 1") == 1
        folder = Path(str(await ask(dsn, "show unix_socket_directories")))
        assert others_may(folder) == 0, "others could connect without a password"
    if folder != home / name / "postgres":
        remove(folder)


async def test_variables_meant_for_psql_do_not_disturb(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "7777", "PGDATA": "/nonexistent", "PGOPTIONS": "-c nonsense=1"}.items():
        monkeypatch.setenv(name, value)
    async with embedded_server(home) as dsn:
        assert await ask(dsn, "show port") == "5432"


async def test_a_server_left_by_a_killed_process_is_adopted(home: Path) -> None:
    with another_process(home) as (process, dsn):
        await ask(dsn, "create table kept as select 42 as answer")
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = server_pid(home)
    async with embedded_server(home) as dsn:
        assert server_pid(home) == left
        assert await ask(dsn, "select answer from kept") == 42
    assert await running_server(home) is None


async def test_a_server_killed_with_its_parent_is_started_again(home: Path) -> None:
    with another_process(home) as (process, dsn):
        await ask(dsn, "create table kept as select 42 as answer")
        process.send_signal(signal.SIGKILL)
        process.wait()
    os.kill(server_pid(home), signal.SIGKILL)
    async with embedded_server(home) as dsn:
        assert await ask(dsn, "select answer from kept") == 42


async def test_a_pid_file_with_another_process_number_does_not_stop_the_start(home: Path) -> None:
    async with embedded_server(home):
        text = (home / "postgres/data/postmaster.pid").read_text()
    innocent = os.getpid()
    (home / "postgres/data/postmaster.pid").write_text(
        "\n".join([str(innocent), *text.splitlines()[1:]]) + "\n"
    )
    assert await running_server(home) is None
    async with embedded_server(home) as dsn:
        assert await ask(dsn, "select 1") == 1


async def test_an_orphan_whose_socket_is_gone_is_replaced(home: Path) -> None:
    with another_process(home) as (process, dsn):
        await ask(dsn, "create table kept as select 42 as answer")
        process.send_signal(signal.SIGKILL)
        process.wait()
    (home / "postgres/.s.PGSQL.5432").unlink()
    left = server_pid(home)
    async with embedded_server(home) as dsn:
        assert server_pid(home) != left
        assert await ask(dsn, "select answer from kept") == 42


async def test_a_second_process_is_refused_and_the_first_goes_on(home: Path) -> None:
    with another_process(home) as (process, dsn):
        with pytest.raises(
            AlreadyRunning, match=rf"\(pid {process.pid}\) uses the data folder .*HYPERFADE_HOME"
        ):
            async with embedded_server(home):
                pass
        assert await ask(dsn, "select 1") == 1
        with another_process(home) as (_, said):
            assert said.startswith("AlreadyRunning another Hyperfade process")


async def test_a_listing_reads_from_the_server_that_runs(home: Path) -> None:
    with another_process(home) as (process, dsn):
        async with borrowed_server(home) as borrowed:
            assert borrowed == dsn
        assert await ask(dsn, "select 1") == 1
        assert process.poll() is None


async def test_a_listing_starts_the_server_for_the_moment(home: Path) -> None:
    async with borrowed_server(home) as dsn:
        assert await ask(dsn, "select 1") == 1
    assert await running_server(home) is None


async def test_who_starts_during_a_listing_waits_for_it(home: Path) -> None:
    listing_ends = asyncio.Event()
    listing_began = asyncio.Event()

    async def listing() -> None:
        async with borrowed_server(home):
            listing_began.set()
            await listing_ends.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listing())
        await listing_began.wait()
        starting = asyncio.ensure_future(_once(home))
        await asyncio.wait([starting], timeout=0.3)
        assert not starting.done()
        listing_ends.set()
        assert await starting == 1


async def _once(home: Path) -> object:
    async with embedded_server(home) as dsn:
        return await ask(dsn, "select 1")


async def test_cancelling_a_start_leaves_no_server(home: Path) -> None:
    starting = asyncio.ensure_future(_once(home))
    # What is waited for happens in a thread: there is no event to wait for.
    while not (home / LOCK_NAME).exists() or not (home / "postgres").exists():  # noqa: ASYNC110
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert await running_server(home) is None
    assert await _once(home) == 1


async def test_a_half_made_cluster_is_made_anew(home: Path) -> None:
    (home / "postgres/data.new.123").mkdir(parents=True)
    (home / "postgres/data.new.123/PG_VERSION").write_text("18\n")
    assert await _once(home) == 1
    assert [path.name for path in (home / "postgres").glob("data*")] == ["data"]


async def test_data_of_another_major_version_is_refused(home: Path) -> None:
    assert await _once(home) == 1
    (home / "postgres/data/PG_VERSION").write_text("13\n")
    with pytest.raises(StorageError, match=r"made by PostgreSQL 13, this program brings \d+; dump it"):
        await _once(home)


async def test_a_folder_that_cannot_be_is_named(home: Path) -> None:
    home.parent.joinpath(home.name).write_text("a file")
    with pytest.raises(StorageError, match=r"cannot use the data folder .*HYPERFADE_HOME"):
        await _once(home / "below")


async def test_damaged_data_is_reported_with_the_servers_reason(home: Path) -> None:
    assert await _once(home) == 1
    (home / "postgres/data/global/pg_control").write_bytes(b"")
    with pytest.raises(StorageError, match=r"cannot start the embedded PostgreSQL: .*pg_control"):
        await _once(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_an_ordinary_user_needs_no_other(home: Path) -> None:
    given_away(home, 65534)
    # The interpreter's own folder may be closed to others: load everything, then change.
    script = (
        "import asyncio, concurrent.futures.thread, os, sys; from pathlib import Path\n"
        "from storage.embedded import embedded_server\n"
        "async def main():\n"
        "    async with embedded_server(Path(sys.argv[1])) as dsn: print(dsn)\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "asyncio.run(main())"
    )
    done = await asyncio.to_thread(
        lambda: subprocess.run(
            [sys.executable, "-c", script, str(home)],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )
    )  # fmt: skip
    assert done.stdout.startswith("postgresql://hyperfade@/hyperfade"), done.stderr
    assert (home / "postgres/data").stat().st_uid == 65534


async def test_work_that_fails_after_ctrl_c_is_not_reported_as_lost() -> None:
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))
    begun, may_end = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        may_end.wait(10)
        raise StorageError("initdb was stopped by the same Ctrl-C")

    task = asyncio.ensure_future(in_thread(work))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.wait([task])
    assert task.cancelled()
    del task
    gc.collect()

    assert reported == []
