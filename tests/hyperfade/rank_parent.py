"""Rank in a child until killed: the database's address comes on standard input, the child's id goes out."""

import asyncio
import sys

from core.model.traders import RankingRules
from hyperfade.logs import set_up_logs
from hyperfade.rank_messages import Task
from hyperfade.rank_process import rank_process
from tests.support.facts import MONDAY_MS


async def main() -> None:
    """Rank once, say which process did it, and ask again."""
    dsn = (await asyncio.to_thread(sys.stdin.readline)).strip()
    set_up_logs("info", "json", [])
    async with rank_process(Task(dsn, RankingRules(), "info", "json", ())) as ranker:
        await ranker.rank(MONDAY_MS)
        print(ranker.pid, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await ranker.rank(MONDAY_MS)


asyncio.run(main())
