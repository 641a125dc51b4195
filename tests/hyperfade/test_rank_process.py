"""Another process ranks as this one would; what goes wrong in it is one error, and the next round is fine."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.errors import RankingFailed, StorageError
from core.model.traders import RankingRules
from core.ports import Ranker
from core.services.ranking import RankService
from hyperfade.rank_messages import STANDINGS_A_PART, Task
from hyperfade.rank_process import RankProcess, rank_process
from storage.database import Database
from storage.fills import Fills
from storage.rankings import Rankings
from tests.support.facts import MONDAY_MS
from tests.support.rankable import account_of, store_market, trips_of

PATIENCE_S = 30.0


pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("in_repository")]


def task(dsn: str) -> Task:
    return Task(dsn, RankingRules(), "warning", "json", ())


@asynccontextmanager
async def nothing_answers(database: Database) -> AsyncIterator[None]:
    """Hold what every ranking reads, so that none can end."""
    async with database.transaction() as connection:
        await connection.execute("lock table fills in access exclusive mode")
        yield


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    ended = asyncio.Event()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    asyncio.get_running_loop().add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


async def waits_for_a_lock(database: Database) -> None:
    """Look until a ranking hangs on what is held; the server tells nobody."""
    query = (
        "select exists (select from pg_stat_activity where wait_event_type = 'Lock' "
        "and datname = current_database())"
    )
    async with asyncio.timeout(PATIENCE_S), database.connection() as connection:
        while not await connection.fetchval(query):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)


def command_line(pid: int) -> str:
    line = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    assert "hyperfade.rank_child" in line
    return line


def process_of(ranker: RankProcess) -> int:
    assert ranker.pid is not None
    return ranker.pid


async def test_it_ranks_as_this_process_would(database: Database, database_dsn: str) -> None:
    fills, rankings = Fills(database), Rankings(database)
    await store_market(fills, STANDINGS_A_PART + 5)
    here = await RankService(fills, rankings, RankingRules()).rank(MONDAY_MS)
    async with database.connection() as connection:
        await connection.execute("delete from rankings")  # who was listed before would change the reasons
    async with rank_process(task(database_dsn)) as ranker:
        there: Ranker = ranker
        assert await there.rank(MONDAY_MS) == here
    assert await rankings.ranking() == here.ranking


async def test_nothing_runs_before_the_first_question(database_dsn: str) -> None:
    async with rank_process(task(database_dsn)) as ranker:
        assert ranker.pid is None
        await ranker.rank(MONDAY_MS)
        assert ranker.pid is not None


async def test_one_process_keeps_the_books_and_reads_what_is_new(
    database: Database, database_dsn: str
) -> None:
    await store_market(Fills(database), 2, trips=11)
    async with rank_process(task(database_dsn)) as ranker:
        await ranker.rank(MONDAY_MS)
        first = ranker.pid
        await Fills(database).add_fills(trips_of(1), "test")
        ranked = await ranker.rank(MONDAY_MS)
        assert ranker.pid == first
    fills = {standing.address: standing.figures.fills for standing in ranked.ranking.standings}
    assert fills[account_of(1)] > fills[account_of(0)]


async def test_it_ends_with_the_one_who_asks(database_dsn: str) -> None:
    async with rank_process(task(database_dsn)) as ranker:
        await ranker.rank(MONDAY_MS)
        pid = process_of(ranker)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_terminals_signals_are_not_for_it(database_dsn: str) -> None:
    async with rank_process(task(database_dsn)) as ranker:
        await ranker.rank(MONDAY_MS)
        pid = process_of(ranker)
        for name in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, name)
        await ranker.rank(MONDAY_MS)
        assert ranker.pid == pid
        assert os.getsid(pid) != os.getsid(0)


async def test_a_killed_process_is_one_error_and_replaced(database: Database, database_dsn: str) -> None:
    await store_market(Fills(database), 3)
    async with rank_process(task(database_dsn)) as ranker:
        before = await ranker.rank(MONDAY_MS)
        pid = process_of(ranker)
        async with nothing_answers(database):
            asked = asyncio.create_task(ranker.rank(MONDAY_MS))
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(RankingFailed, match="was killed by signal 9"):
                await asked
        again = await ranker.rank(MONDAY_MS)
        assert ranker.pid != pid
    assert again.ranking.standings == before.ranking.standings


async def test_one_killed_between_two_rounds_is_replaced_too(database_dsn: str) -> None:
    async with rank_process(task(database_dsn)) as ranker:
        await ranker.rank(MONDAY_MS)
        os.kill(process_of(ranker), signal.SIGKILL)
        with pytest.raises(RankingFailed, match="was killed by signal 9"):
            await ranker.rank(MONDAY_MS)
        await ranker.rank(MONDAY_MS)


async def test_one_that_never_answers_is_replaced(database: Database, database_dsn: str) -> None:
    async with rank_process(task(database_dsn), longest_s=0.2) as ranker:
        async with nothing_answers(database):
            with pytest.raises(RankingFailed, match=r"no answer for 0\.2 s"):
                await ranker.rank(MONDAY_MS)
        assert ranker.pid is None


async def test_a_question_taken_back_leaves_no_answer_to_the_next(
    database: Database, database_dsn: str
) -> None:
    async with rank_process(task(database_dsn)) as ranker:
        await ranker.rank(MONDAY_MS)
        async with nothing_answers(database):
            asked = asyncio.create_task(ranker.rank(MONDAY_MS - 1))
            await asyncio.sleep(0)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
        assert (await ranker.rank(MONDAY_MS)).ranking.as_of_ms == MONDAY_MS


async def test_trouble_with_the_database_is_a_storage_error_and_keeps_the_process(
    database: Database, database_dsn: str
) -> None:
    async with rank_process(task(database_dsn)) as ranker:
        await ranker.rank(MONDAY_MS)
        pid = ranker.pid
        async with database.connection() as connection:
            await connection.execute("alter table rankings rename to taken_away")
        with pytest.raises(StorageError, match="hyperfade migrate"):
            await ranker.rank(MONDAY_MS)
        async with database.connection() as connection:
            await connection.execute("alter table taken_away rename to rankings")
        await ranker.rank(MONDAY_MS)
        assert ranker.pid == pid


async def test_a_database_that_is_away_is_a_storage_error_without_the_password() -> None:
    async with rank_process(task("postgresql://us:sesame@127.0.0.1:1/nowhere")) as ranker:
        with pytest.raises(StorageError, match=r"nowhere on 127\.0\.0\.1:1 refuses connections") as error:
            await ranker.rank(MONDAY_MS)
    assert "sesame" not in str(error.value)


async def test_what_nobody_thought_of_is_one_error(database: Database, database_dsn: str) -> None:
    await store_market(Fills(database), 3)
    async with rank_process(task(database_dsn)) as ranker:
        await ranker.rank(MONDAY_MS)
        async with database.connection() as connection:
            await connection.execute("update standings set figures = '{}'::jsonb")
        with pytest.raises(RankingFailed, match=r"ranking failed \(\w+: .*\); the next round begins anew"):
            await ranker.rank(MONDAY_MS)
        assert ranker.pid is None


async def test_a_child_of_a_killed_parent_ends_amid_its_ranking(
    database: Database, database_dsn: str
) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("rank_parent.py")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write(f"{database_dsn}\n".encode())
    child = int(await parent.stdout.readline())
    assert database_dsn not in command_line(child)
    async with nothing_answers(database):
        parent.stdin.write(b"again\n")
        await waits_for_a_lock(database)
        parent.kill()
        _, said = await parent.communicate()
        await gone(child)
    assert parent.returncode == -signal.SIGKILL
    logged = [json.loads(one) for one in said.decode().splitlines()]
    assert [(one["event"], one["level"]) for one in logged] == [("ranked", "info")]
    assert database_dsn not in said.decode()
