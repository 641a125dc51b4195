"""A process that only publishes: ``python -m tests.support.flooding_child DATABASE OPPORTUNITIES SECONDS``.

Prints how many seconds it took; every tenth opportunity ends soon after its beginning.
"""

import asyncio
import sys

from storage.database import open_database
from storage.publications import Publications
from tests.support.published import EVIDENCE, nth_decision, nth_ending, publication
from tests.support.wall_clock import now_seconds

BATCH_S = 0.25
DAY_MS = 86_400_000


async def main(dsn: str, opportunities: int, seconds: float) -> None:
    """Publish evenly, or as fast as it goes."""
    loop = asyncio.get_running_loop()
    async with open_database(dsn) as database:
        store = Publications(database)
        begun = loop.time()
        batches = max(1, round(seconds / BATCH_S))
        done = 0
        for batch in range(1, batches + 1):
            now_ms = round(now_seconds() * 1000)
            due = opportunities * batch // batches
            decisions = [
                nth_decision(
                    n,
                    short_id=f"{n:05d}",
                    published_ms=now_ms,
                    event_ms=now_ms - 300,
                    expires_ms=now_ms + DAY_MS,
                )
                for n in range(done + 1, due + 1)
            ]
            over = [n for n in range(done - 20, done) if n > 0 and n % 10 == 0]
            endings = tuple(nth_ending(n, ended_ms=now_ms) for n in over)
            await store.publish(publication(*decisions, endings=endings, now_ms=now_ms), EVIDENCE)
            done = due
            await asyncio.sleep(max(0.0, begun + batch * BATCH_S - loop.time()))
        print(round(loop.time() - begun, 1))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
