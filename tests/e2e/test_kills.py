"""`kill -9` of replay, import and run at seeded random moments: started again, nothing is lost or doubled.

``HYPERFADE_TEST_KILLS`` says how often each is killed (default: few).
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from exchange.simulated import PositionEvent, SimulatedExchange, SimulationConfig
from storage.embedded import borrowed_server, embedded_server
from tests.support.command_line import run_command
from tests.support.postgres import admin
from tests.support.program import Program, data_folder, program
from tests.support.simulated_fills import fills_of, write_recording

ASKED = os.environ.get("HYPERFADE_TEST_KILLS")
REPLAY_KILLS = int(ASKED or 4)
IMPORT_KILLS = int(ASKED or 2)
RUN_KILLS = int(ASKED or 3)
OPENINGS = ("open", "flip", "increase")
SETTLED_MS = 6_000
"""After so long an order's fills are all in and its event is closed."""

HEARD_LATE_MS = 2_000
LOOKED_AGAIN_MS = 20_000
"""How long before and after a kill something may happen that only the next life can find."""

REHEARSED = {
    "events": "select event_id, event::text from position_events",
    "decisions": "select decision_id, decision::text from decisions",
    "opportunities": "select opportunity_id, opportunity::text, ended_ms, end_reason, exit_px, gross_bps, "
    "net_bps, best_bps, worst_bps from trade_opportunities",
    "outcomes": "select opportunity_id, horizon, delay_ms, gross_bps, cost_bps, net_bps from outcomes",
    "samples": "select opportunity_id, offset_ms, px from price_samples",
}
IMPORTED = {
    "fills": "select account, time_ms, coin, tid, seq, px, sz, side, start_position, fee from fills",
    "imports": "select import_id, row_count, fill_count, repeated, finished_at is null from imports",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as made:
        yield made


@contextlib.asynccontextmanager
async def own_server(folder: Path) -> AsyncIterator[None]:
    """Stop, at the end, the server that a killed program left behind."""
    try:
        yield
    finally:
        async with embedded_server(folder / "home"):
            pass


async def rows(dsn: str, queries: Mapping[str, str]) -> dict[str, list[tuple[object, ...]]]:
    async with admin(dsn) as connection:
        return {
            name: sorted((tuple(row) for row in await connection.fetch(query)), key=repr)
            for name, query in queries.items()
        }


async def left_in(folder: Path, queries: Mapping[str, str]) -> dict[str, list[tuple[object, ...]]]:
    """Read what is stored now, whether a server was left behind or not."""
    async with borrowed_server(folder / "home") as dsn:
        return await rows(dsn, queries)


async def lives(started: Program, seconds: float) -> bool:
    """Let a program live for so long; tell whether it does still."""
    try:
        await started.ended(seconds)
    except TimeoutError:
        return True
    return False


async def killed(folder: Path, arguments: tuple[str, ...], kills: int, rng: Random) -> int:
    """Kill a command so often at random moments of its life; return how many kills hit it alive."""
    loop = asyncio.get_running_loop()
    with data_folder() as unkilled:
        async with embedded_server(unkilled / "home"):
            await run_command(unkilled, "status")
            begun = loop.time()
            await run_command(unkilled, *arguments)
            whole_s = loop.time() - begun
    hits = 0
    for _ in range(kills):
        async with program(folder, *arguments) as started:
            if await lives(started, rng.uniform(0.15, 0.95) * whole_s):
                await started.kill()
                hits += 1
    return hits


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("command", "options", "queries", "kills"),
    [
        ("replay", ("--watch", "all"), REHEARSED, REPLAY_KILLS),
        ("import", (), IMPORTED, IMPORT_KILLS),
    ],
    ids=["replay", "import"],
)
async def test_what_was_killed_and_repeated_is_as_if_it_never_was(
    folder: Path, command: str, options: tuple[str, ...], queries: Mapping[str, str], kills: int
) -> None:
    recording = folder / "recording.jsonl"
    write_recording(recording, 30 if command == "replay" else 120)
    arguments = (command, str(recording), *options, "--json")
    async with own_server(folder):
        hits = await killed(folder, arguments, kills, Random(kills))
        again = await run_command(folder, *arguments)
        assert (again.code, again.err) == (0, "")
        found = await left_in(folder, queries)
    with data_folder() as calm:
        once = await run_command(calm, *arguments)
        expected = await left_in(calm, queries)
    print(f"{command}: {hits} of {kills} kills hit; " + ", ".join(f"{k} {len(v)}" for k, v in found.items()))
    assert hits > 0
    for name in queries:
        assert found[name], name
        assert found[name] == expected[name], name
    if command == "replay":
        assert again.out == once.out
    else:
        (one,) = json.loads(again.out)["files"]
        assert one["read"] == one["added"] + one["known"] + one["repeated"] + one["rejected"]
        assert json.loads((await run_command(folder, *arguments)).out)["added"] == 0


# --- run -----------------------------------------------------------------------------------------


RUN_TABLES = {
    "events": "select account, coin, (event->>'first_tid')::bigint, kind, time_ms, event->>'is_late' "
    "from position_events where not is_rehearsal",
    "fills": "select account, coin, time_ms, tid from fills",
    "alerts": "select alert_id, kind, state from alerts",
    "unfinished": "select alert_id from outbox",
    "listed": "select ranking_id, address from standings where is_listed",
}


def settings_for(exchange: SimulatedExchange) -> dict[str, str]:
    return {
        "HYPERFADE_EXCHANGE_URL": exchange.url,
        "HYPERFADE_EXCHANGE_WS_URL": exchange.ws_url,
        "HYPERFADE_LEADERBOARD_URL": exchange.leaderboard_url,
        "HYPERFADE_WEIGHT_PER_MINUTE": "100000",
        "HYPERFADE_CANDIDATES": "60",
        "HYPERFADE_SAMPLE": "10",
        "HYPERFADE_PLACEBO": "5",
    }


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.timeout(900)
async def test_run_killed_again_and_again_loses_and_doubles_nothing(folder: Path) -> None:
    rng = Random(RUN_KILLS)
    config = SimulationConfig(accounts=250, pace=6.0, weight_per_minute=200_000)
    earlier: list[set[object]] = []
    kills_ms: list[int] = []
    async with SimulatedExchange(config) as exchange, own_server(folder):
        settings = settings_for(exchange)
        for life in range(RUN_KILLS):
            async with program(folder, "run", **settings) as started:
                if life == 0:
                    await started.says("losers listed of")
                    watched_from_ms = exchange.simulation.now()
                assert await lives(started, rng.uniform(1.0, 9.0)), started.text
                await started.kill()
            kills_ms.append(exchange.simulation.now())
            left = await left_in(folder, {"alerts": "select alert_id from alerts"})
            earlier.append({row[0] for row in left["alerts"]})
        async with program(folder, "run", **settings) as started:
            await started.says("losers listed of")
            await started.says("Consider ", 90.0)
            assert await lives(started, 12.0), started.text
            ended_ms = exchange.simulation.now()
            assert await started.interrupt() == 0, started.text
            assert "Traceback" not in started.text
        found = await left_in(folder, RUN_TABLES)
        verified = await run_command(folder, "ledger", "verify", "--json")
        truth = list(exchange.simulation.truth)
        always = always_listed(found["listed"])
        real_fills = {
            (user, fill["coin"], fill["time"], fill["tid"])
            for user in always
            for fill in fills_of(
                exchange.simulation, user, watched_from_ms + SETTLED_MS, ended_ms - SETTLED_MS
            )
            if "/" not in fill["coin"] and not fill["coin"].startswith("@")
        }
    assert json.loads(verified.out)["ok"] is True
    seen = {row[0] for row in found["alerts"]}
    assert all(alerts <= seen for alerts in earlier)
    assert {row[2] for row in found["alerts"]} <= {"sent", "unknown", "pending", "expired"}
    assert not {row[0] for row in found["alerts"] if row[2] == "pending"} - {
        r[0] for r in found["unfinished"]
    }
    missing_fills = real_fills - set(found["fills"])
    report = compare(
        truth, found["events"], always, watched_from_ms + SETTLED_MS, ended_ms - SETTLED_MS, kills_ms
    )
    print(
        f"run: {RUN_KILLS} kills in {(ended_ms - watched_from_ms) / 1000:.0f} s, {len(always)} accounts, "
        f"{len(real_fills)} fills ({len(missing_fills)} missing), alerts {len(seen)} "
        f"({sum(row[2] == 'unknown' for row in found['alerts'])} unknown), {report}"
    )
    assert not missing_fills
    context = (
        [[one for one in truth if (one.address, one.coin.coin) == k[:2]] for k in report.missed],
        kills_ms,
    )
    assert report.openings > 0
    assert report.doubled == []
    assert report.invented == []
    assert report.missed == [], context


def always_listed(rows: list[tuple[object, ...]]) -> set[str]:
    """Return who was on every list: these accounts were watched from first to last."""
    by_ranking: dict[object, set[str]] = {}
    for ranking_id, address in rows:
        by_ranking.setdefault(ranking_id, set()).add(str(address))
    return set.intersection(*by_ranking.values())


@dataclass
class Comparison:
    """The openings of some accounts: what really happened against what was stored."""

    openings: int
    late: int
    undone_in_gap: int
    """Openings that were closed again before the next life looked: the stated limit of a short gap."""
    missed: list[tuple[str, str, int]]
    invented: list[tuple[object, ...]]
    doubled: list[tuple[object, ...]]

    def __str__(self) -> str:
        return (
            f"{self.openings} openings: {self.late} found late, {self.undone_in_gap} undone inside a gap, "
            f"{len(self.missed)} missed, {len(self.invented)} invented, {len(self.doubled)} twice"
        )


def compare(
    truth: list[PositionEvent],
    stored: list[tuple[object, ...]],
    accounts: set[str],
    from_ms: int,
    to_ms: int,
    kills_ms: list[int],
) -> Comparison:
    """Match openings by account, coin and the first fill's trade id."""
    real = {
        (one.address, one.coin.coin, one.tid): one
        for one in truth
        if one.address in accounts and not one.coin.spot and one.kind in OPENINGS
    }
    ours: dict[tuple[object, object, object], tuple[object, ...]] = {}
    doubled: list[tuple[object, ...]] = []
    for row in stored:
        if row[0] in accounts:
            doubled += [row] if row[:3] in ours else []
            ours[row[:3]] = row  # type: ignore[index]
    in_span = {key: one for key, one in real.items() if from_ms <= one.time <= to_ms}
    missed = [key for key in in_span if key not in ours]
    undone = [key for key in missed if is_undone(real[key], truth, kills_ms)]
    invented = [
        row
        for key, row in ours.items()
        if row[3] in OPENINGS and from_ms <= int(str(row[4])) <= to_ms and key not in real
    ]
    late = sum(1 for key in in_span if key in ours and ours[key][5] == "true")
    return Comparison(
        len(in_span), late, len(undone), [k for k in missed if k not in undone], invented, doubled
    )


def is_undone(opening: PositionEvent, truth: list[PositionEvent], kills_ms: list[int]) -> bool:
    """Tell whether the position was again what it had been before when the next life first looked."""
    gaps = [(at - HEARD_LATE_MS, at + LOOKED_AGAIN_MS) for at in kills_ms]
    return any(
        one.address == opening.address
        and one.coin == opening.coin
        and one.after == opening.before
        and any(from_ms <= opening.time <= one.time <= to_ms for from_ms, to_ms in gaps)
        for one in truth
    )
