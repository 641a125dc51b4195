"""How a figure is taken: every side in a fresh process, sides in turn, medians over the rounds."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

PEAK = "peak_mb"
Params = Mapping[str, Any]
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure; ``scale`` below 1 shrinks the work, for trying things out."""

    rounds: int | None = None
    scale: float = 1.0

    def rounds_or(self, default: int) -> int:
        """Return how many rounds to run."""
        return default if self.rounds is None else self.rounds

    def scaled(self, amount: int, least: int = 1) -> int:
        """Return an amount of work by the scale."""
        return max(least, round(amount * self.scale))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: ours, the bare baseline, and the ratio ours / bare."""

    benchmark: str
    what: str
    unit: str
    ours: float
    bare: float
    better: Literal["higher", "lower"]
    ours_peak_mb: float | None = None
    bare_peak_mb: float | None = None
    spread: float | None = None
    """Largest / smallest of our rounds."""

    @property
    def ratio(self) -> float:
        """Return ours / bare."""
        return self.ours / self.bare


@dataclass(frozen=True, slots=True)
class Report:
    """What one benchmark found; ``details`` says what the ratios don't."""

    rows: Sequence[Row]
    details: Mapping[str, Any] = field(default_factory=dict)


class Rounds:
    """The figures of several rounds by side."""

    def __init__(self, runs: Mapping[str, Sequence[Figures]]) -> None:
        self._runs = runs

    def of(self, side: str, name: str) -> float:
        """Return the median of one figure of one side."""
        return median(float(run[name]) for run in self._runs[side])

    def spread(self, side: str, name: str) -> float:
        """Return largest / smallest of one figure over the rounds."""
        values = [float(run[name]) for run in self._runs[side]]
        return max(values) / min(values)

    def last(self, side: str) -> Figures:
        """Return the last round's figures of one side."""
        return self._runs[side][-1]

    def row(
        self,
        benchmark: str,
        what: str,
        unit: str,
        name: str,
        *,
        better: Literal["higher", "lower"],
        ours: str = "ours",
        bare: str = "bare",
    ) -> Row:
        """Return the line of the table for one figure."""
        return Row(
            benchmark=benchmark,
            what=what,
            unit=unit,
            ours=self.of(ours, name),
            bare=self.of(bare, name),
            better=better,
            ours_peak_mb=self.of(ours, PEAK),
            bare_peak_mb=self.of(bare, PEAK),
            spread=self.spread(ours, name),
        )


async def in_turn(module: str, sides: Sequence[str], rounds: int, params: Params) -> Rounds:
    """Run all sides once a round, each round beginning with another side."""
    runs: dict[str, list[Figures]] = {side: [] for side in sides}
    for number in range(rounds):
        for place in range(len(sides)):
            side = sides[(number + place) % len(sides)]
            runs[side].append(await run_side(module, side, {**params, "round": number}))
    return Rounds(runs)


async def run_side(module: str, side: str, params: Params) -> Figures:
    """Run one side of a benchmark in a fresh process; return its figures with its peak memory."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.side",
        module,
        side,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(json.dumps(params).encode())
    if process.returncode != 0:
        raise SystemExit(f"benchmark {module}, side {side}: failed, see above (exit {process.returncode})")
    figures: Figures = json.loads(out.splitlines()[-1])
    return figures


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
