"""The figures that docs/simulator.md says the simulation shares with recorded trading."""

import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exchange.simulated import Simulation, SimulationConfig
from exchange.simulated.people import Kind
from tests.exchange.simulated.hand_clock import NOW, HandClock

Rows = dict[str, list[dict[str, Any]]]


def recorded_fills(shared: Path, name: str) -> Rows:
    by_user: Rows = defaultdict(list)
    with gzip.open(shared / "data" / name, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            by_user[row.get("user", "")].append(row)
    return by_user


def simulated_fills(simulation: Simulation, *kinds: Kind) -> Rows:
    people = [p for kind in kinds for p in simulation.population.of_kind(kind)]
    query = {"type": "userFillsByTime", "startTime": 0}
    return {p.address: simulation.answer(query | {"user": p.address}) for p in people}


def per_order(fills: Rows) -> list[int]:
    return [n for rows in fills.values() for n in Counter(r["oid"] for r in rows).values()]


def in_shared_milliseconds(fills: Rows) -> float:
    counts = [n for rows in fills.values() for n in Counter(r["time"] for r in rows).values()]
    return sum(n for n in counts if n > 1) / sum(counts)


def taker_share(fills: Rows) -> float:
    rows = [r for of_user in fills.values() for r in of_user]
    return float(np.mean([r["crossed"] for r in rows]))


@pytest.fixture(scope="module")
def leaders(shared: Path) -> Rows:
    return recorded_fills(shared, "fills-leaders-jul2026.jsonl.gz")


@pytest.fixture(scope="module")
def traders(quiet: Simulation) -> Rows:
    return simulated_fills(quiet, Kind.LOSER, Kind.NOISE, Kind.WINNER)


def test_fills_per_order(leaders: Rows, traders: Rows) -> None:
    real, made = per_order(leaders), per_order(traders)
    assert np.mean(made) == pytest.approx(np.mean(real), rel=0.2)
    assert made.count(1) / len(made) == pytest.approx(real.count(1) / len(real), abs=0.12)


def test_share_of_fills_that_share_a_millisecond(leaders: Rows, traders: Rows) -> None:
    assert in_shared_milliseconds(traders) == pytest.approx(in_shared_milliseconds(leaders), abs=0.2)


def test_makers_take_as_rarely_as_a_recorded_one(shared: Path, quiet: Simulation) -> None:
    real = taker_share(recorded_fills(shared, "fills-mm-nov2025.jsonl.gz"))
    assert taker_share(simulated_fills(quiet, Kind.MAKER)) == pytest.approx(real, abs=0.1)


def test_public_tape(shared: Path) -> None:
    real: list[dict[str, Any]] = []
    frames: list[int] = []
    with gzip.open(shared / "data/ws-trades-l2book-jul2026.jsonl.gz", "rt") as lines:
        for line in lines:
            message = json.loads(line)
            if message["channel"] == "trades":
                frames.append(len(message["data"]))
                real += message["data"]
    trades = Simulation(SimulationConfig(accounts=60), HandClock()).run_until(NOW + 600_000)

    def quantiles(values: list[float]) -> np.ndarray[Any, Any]:
        return np.log(np.percentile(values, [10, 50, 90, 99]))

    real_btc = [float(t["px"]) * float(t["sz"]) for t in real if t["coin"] == "BTC"]
    made_btc = [t.px * t.size / 1e6 for t in trades if t.coin.coin == "BTC"]
    assert np.abs(quantiles(real_btc) - quantiles(made_btc)).max() < np.log(2)
    zero = np.mean([not t["hash"].strip("0x") for t in real])
    assert np.mean([t.tx == 0 for t in trades]) == pytest.approx(zero, abs=0.05)
    together = Counter((t.coin.coin, t.time) for t in trades).values()
    assert np.mean([n == 1 for n in together]) == pytest.approx(np.mean([n == 1 for n in frames]), abs=0.1)
