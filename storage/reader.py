"""What the answers read beside rankings and fills."""

from collections import defaultdict
from typing import TYPE_CHECKING

from core.model.alerts import DeliveryState
from core.model.answers import HeldPosition
from core.model.market import Address, Coin
from core.model.opportunities import Crowd, Decision, Group, LiveOpportunity
from core.model.outcomes import Outcome, ScoredOpportunity
from storage.opportunity_rows import ending_of, live_of, opportunity_of, outcome_of
from storage.position_rows import PUBLICATIONS_SQL, held_positions
from storage.statements import statements
from storage.values import from_json

if TYPE_CHECKING:
    from storage.database import Database

SQL = statements("reader")
COUNTED_FILLS = 2_000_000
"""Up to about so many fills are counted exactly; beyond it the server's own estimate is shown."""


class Reader:
    """Reads across subjects; and the small facts that a running process leaves."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def live(self, rehearsal: bool = False) -> list[LiveOpportunity]:
        """Return opportunities without an ending, both groups, oldest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(PUBLICATIONS_SQL["live"], rehearsal)
        return [live_of(row) for row in rows]

    async def scored(
        self,
        *,
        group: Group,
        since_ms: int | None = None,
        coin: Coin | None = None,
        loser: Address | None = None,
        rehearsal: bool = False,
    ) -> list[ScoredOpportunity]:
        """Return ended and live opportunities with their outcomes, oldest first."""
        filters = (rehearsal, group.value, since_ms or 0, coin, loser)
        async with self._database.snapshot() as connection:
            rows = await connection.fetch(SQL["scored"], *filters)
            results = await connection.fetch(SQL["outcomes"], *filters)
        outcomes: dict[str, list[Outcome]] = defaultdict(list)
        for result in results:
            outcomes[result["opportunity_id"]].append(outcome_of(result))
        return [
            ScoredOpportunity(
                opportunity=opportunity_of(row),
                ending=ending_of(row),
                outcomes=tuple(outcomes[row["opportunity_id"]]),
                best_bps=row["best_bps"],
                worst_bps=row["worst_bps"],
            )
            for row in rows
        ]

    async def decisions(
        self,
        *,
        coin: Coin | None,
        account: Address | None,
        limit: int,
        before: str | None,
        rehearsal: bool = False,
    ) -> list[Decision]:
        """Return what was decided, newest first; ``before``: the id of the last one seen."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["decisions"], coin, account, limit, before, rehearsal)
        return [from_json(row["decision"], Decision) for row in rows]

    async def crowd(self, coin: Coin | None = None) -> list[Crowd]:
        """Return the listed losers' positions by coin, valued at the last known price."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["crowd"], coin)
        return [
            Crowd(Coin(r["coin"]), r["long_count"], r["short_count"], r["long_usd"], r["short_usd"])
            for r in rows
        ]

    async def positions(self, account: Address) -> list[HeldPosition]:
        """Return what an account holds, as last known."""
        return await held_positions(self._database, account)

    async def delivery_counts(self) -> dict[str, int]:
        """Return how many alerts are in each state of delivery."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["delivery_counts"])
        found = {row["state"]: row["n"] for row in rows}
        return {state.value: found.get(state.value, 0) for state in DeliveryState}

    async def schema_version(self) -> int:
        """Return the number of the last migration that was applied."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval(SQL["schema_version"]))

    async def oldest_pending_ms(self) -> int | None:
        """Return since when the oldest undelivered alert waits, or None."""
        async with self._database.connection() as connection:
            found: int | None = await connection.fetchval(SQL["oldest_pending"])
        return found

    async def request_counts(self, since_ms: int) -> tuple[int, int]:
        """Return ``(requests, failed)`` since then from ``api_logs``."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(SQL["request_counts"], since_ms)
        assert row is not None
        return row["requests"], row["failed"]

    async def totals(self) -> dict[str, int]:
        """Return ``accounts``, ``refined``, ``fills``, ``published``, ``undelivered``."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(SQL["totals"])
            assert row is not None
            fills = row["fills_estimated"]
            if fills < COUNTED_FILLS:
                fills = await connection.fetchval(SQL["count_fills"])
        return {
            "accounts": row["accounts"],
            "refined": row["refined"],
            "fills": fills,
            "published": row["published"],
            "undelivered": row["undelivered"],
        }

    async def state(self, key: str) -> str | None:
        """Return a value that a running process left, or None."""
        async with self._database.connection() as connection:
            found: str | None = await connection.fetchval(SQL["state"], key)
        return found

    async def set_state(self, key: str, value: str) -> None:
        """Keep a value that outlives this process."""
        async with self._database.connection() as connection:
            await connection.execute(SQL["set_state"], key, value)
