"""From a frame with a loser's trade to the POST of its alert, under load, against the bare chain.

Ours: feed, detection (asks the book), one transaction, outbox, dispatch, Telegram. ``bare``: receive,
decode, one INSERT, POST. ``same steps``: the bare chain that also asks the book, and whose message is
claimed in the database before it goes out, as no alert may be lost or doubled. And ours while one
ranking follows the other, against ours without.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from benchmarks.chains import Chain, run_bare, run_same_steps
from benchmarks.measuring import Figures, Params, Plan, Report, Rounds, percentile, run_side
from benchmarks.our_chain import run_ours

SECONDS = 20
SIDES_IN_TURN = ("ours", "ours_ranking", "same_steps", "bare")


async def measure(plan: Plan) -> Report:
    """Measure p50 and p99 of all chains, each for some seconds in each round."""
    from benchmarks.databases import fresh_database, server

    params = {"seconds": plan.scaled(SECONDS, 2)}
    runs: dict[str, list[Figures]] = {side: [] for side in SIDES_IN_TURN}
    async with server() as (dsn, _):
        for number in range(plan.rounds_or(3)):
            for place in range(len(SIDES_IN_TURN)):
                side = SIDES_IN_TURN[(number + place) % len(SIDES_IN_TURN)]
                async with fresh_database(dsn, f"bench_{number}_{side}") as own:
                    runs[side].append(await run_side("alert_latency", side, {**params, "dsn": own}))
    rounds = Rounds(runs)
    rows = [
        rounds.row("latency", f"{name}{what}", "ms", f"{name}_ms", better="lower", ours=ours, bare=bare)
        for ours, bare, what in (
            ("ours", "bare", ", against receive, decode, INSERT, POST"),
            ("ours", "same_steps", ", against the same with book and claim"),
            ("ours_ranking", "ours", " while rankings run, against ours without"),
        )
        for name in ("p50", "p99")
    ]
    stages = [run["stages"] for run in runs["ours"]]
    return Report(
        rows,
        details={
            "alerts measured and missing": {
                "of ours": [
                    sum(run["n"] for run in runs["ours"]),
                    sum(run["missing"] for run in runs["ours"]),
                ],
            },
            "where ours spends it, ms (median)": {
                name: median(one[name][0] for one in stages) for name in stages[0]
            },
            "the same, p99": {name: median(one[name][1] for one in stages) for name in stages[0]},
            "processor seconds a second": {side: rounds.of(side, "cpu") for side in SIDES_IN_TURN},
        },
    )


def summary(latencies_ms: Sequence[float], due: int) -> Figures:
    """Return the figures of one run."""
    if not latencies_ms:
        raise SystemExit("no alert arrived: the chain is broken")
    return {
        "n": len(latencies_ms),
        "missing": due - len(latencies_ms),
        "p50_ms": percentile(latencies_ms, 0.50),
        "p99_ms": percentile(latencies_ms, 0.99),
        "max_ms": max(latencies_ms),
    }


def _side(chain: Callable[[str, int], Coroutine[Any, Any, Chain]]) -> Callable[[Params], Figures]:
    def run(params: Params) -> Figures:
        measured = asyncio.run(chain(params["dsn"], params["seconds"]))
        return {
            **summary(measured.latencies_ms, measured.due),
            "stages": measured.stages,
            "cpu": measured.cpu,
        }

    return run


SIDES: Mapping[str, Callable[[Params], Figures]] = {
    "ours": _side(run_ours),
    "ours_ranking": _side(partial(run_ours, is_ranking=True)),
    "bare": _side(run_bare),
    "same_steps": _side(run_same_steps),
}
