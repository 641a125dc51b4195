"""One opportunity for many subscribers, as the product writes it, against bare COPY of the same rows."""

import asyncio
from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

from benchmarks.measuring import Figures, Params, Plan, Report, in_turn

SUBSCRIBERS = 10_000
PUBLICATIONS = 7
MADE_MS = 1_784_500_000_000

_CHATS = """
delete from subscriptions;
insert into chats (channel, chat, role, title)
select 'telegram', n::text, 'member', 'chat ' || n from generate_series(1, $n) n;
insert into subscriptions (channel, chat, thread, coin, min_usd, min_badness)
select 'telegram', n::text, '', null, 0, 0 from generate_series(1, $n) n;
analyze;
"""


async def measure(plan: Plan) -> Report:
    """Measure alerts a second and the time of one publication."""
    from benchmarks.databases import server

    async with server() as (dsn, _):
        params = {"dsn": dsn, "subscribers": plan.scaled(SUBSCRIBERS, 10)}
        rounds = await in_turn("enqueue_alerts", ("ours", "bare"), plan.rounds_or(3), params)
    words = f"one alert to {params['subscribers']:,} subscribers"
    return Report(
        [
            rounds.row("enqueue", f"{words}: whole publication", "ms", "ms", better="lower"),
            rounds.row("enqueue", words, "alerts/s", "per_s", better="higher"),
        ]
    )


def _ours(params: Params) -> Figures:
    return asyncio.run(_publish(params))


def _bare(params: Params) -> Figures:
    return asyncio.run(_copy(params))


async def _publish(params: Params) -> Figures:
    from benchmarks.databases import fresh_database
    from storage.database import open_database
    from storage.publications import Publications
    from tests.support.published import EVIDENCE, nth_decision, publication

    async with (
        fresh_database(params["dsn"], f"ours_{params['round']}") as dsn,
        open_database(dsn) as database,
    ):
        async with database.connection() as connection:
            await connection.execute(_CHATS.replace("$n", str(params["subscribers"])))
        times = []
        for number in range(1, PUBLICATIONS + 1):
            made = publication(nth_decision(number), now_ms=MADE_MS + number)
            begun = perf_counter()
            await Publications(database).publish(made, EVIDENCE)
            times.append(perf_counter() - begun)
        async with database.connection() as connection:
            queued = await connection.fetchval("select count(*) from outbox")
        assert queued == PUBLICATIONS * params["subscribers"]
    return _figures(times, params)


async def _copy(params: Params) -> Figures:
    """Copy rows of the same columns, made beforehand; foreign keys, checks and indexes are the same."""
    from benchmarks.databases import fresh_database
    from storage.database import open_database
    from storage.publications import Publications
    from tests.support.published import EVIDENCE, nth_decision, opportunity_id, publication

    async with (
        fresh_database(params["dsn"], f"bare_{params['round']}") as dsn,
        open_database(dsn) as database,
    ):
        times = []
        for number in range(1, PUBLICATIONS + 1):
            async with database.connection() as connection:
                await connection.execute("delete from subscriptions")
            await Publications(database).publish(publication(nth_decision(number)), EVIDENCE)
            first = number * 1_000_000
            alerts = [
                (
                    first + n,
                    "entry",
                    opportunity_id(number),
                    "telegram",
                    str(n),
                    "",
                    MADE_MS,
                    MADE_MS,
                    EVIDENCE,
                )
                for n in range(params["subscribers"])
            ]
            queue = [(first + n, "telegram", str(n), "", 1) for n in range(params["subscribers"])]
            begun = perf_counter()
            async with database.transaction() as connection:
                await connection.copy_records_to_table(
                    "alerts",
                    records=alerts,
                    columns=("alert_id", "kind", "opportunity_id", "channel", "chat", "thread",
                             "created_ms", "expires_ms", "evidence"),
                )  # fmt: skip
                await connection.copy_records_to_table(
                    "outbox", records=queue, columns=("alert_id", "channel", "chat", "thread", "priority")
                )
            times.append(perf_counter() - begun)
    return _figures(times, params)


def _figures(times: list[float], params: Params) -> Figures:
    """Leave out the first, which warms up."""
    typical = median(times[1:])
    return {"ms": round(typical * 1e3, 2), "per_s": round(params["subscribers"] / typical)}


SIDES: Mapping[str, Callable[[Params], Figures]] = {"ours": _ours, "bare": _bare}
