"""How long a command takes to come up: the help, and a listing from a running server, against bare Python."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

from benchmarks.measuring import PEAK, Figures, Params, Plan, Report, Rounds, run_side

_MAIN = "from hyperfade.cli import main; main()"  # what the installed script does
COMMANDS: Mapping[str, Sequence[str]] = {
    "python": ("-c", "pass"),
    "help": ("-c", _MAIN, "--help"),
    "losers": ("-c", _MAIN, "losers", "--json"),
    "status": ("-c", _MAIN, "status", "--json"),
}


async def measure(plan: Plan) -> Report:
    """Measure wall time and memory of each command, in turn."""
    from benchmarks.databases import server
    from storage.migrate import migrate

    async with server() as (dsn, home):
        await migrate(dsn)
        runs = [
            await run_side("start_commands", "all", {"home": str(home)}) for _ in range(plan.rounds_or(9))
        ]
    by_command = {
        name: [{"wall_ms": run[name][0], "cpu_ms": run[name][1], PEAK: run[name][2]} for run in runs]
        for name in COMMANDS
    }
    rounds = Rounds(by_command)
    rows = [
        rounds.row("startup", words, "ms", "wall_ms", better="lower", ours=name, bare="python")
        for name, words in (
            ("help", "hyperfade --help"),
            ("losers", "hyperfade losers --json, empty list, server running"),
            ("status", "hyperfade status --json, server running"),
        )
    ]
    cpu = {name: rounds.of(name, "cpu_ms") for name in COMMANDS}
    return Report(rows, {"processor time, ms (median)": cpu})


def _all(params: Params) -> Figures:
    """Run each command once; a process as small as this one adds nothing to their memory."""
    environment = {**os.environ, "HYPERFADE_HOME": params["home"]}
    return {name: _one(arguments, environment) for name, arguments in COMMANDS.items()}


def _one(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float, float]:
    """Return wall and processor time in ms, and peak memory in MB."""
    began = perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_ms = (perf_counter() - began) * 1e3
    if process.returncode != 0:
        raise SystemExit(f"hyperfade {' '.join(arguments[2:])} failed (exit {process.returncode})")
    unit = 1024 if sys.platform != "darwin" else 2**20
    return round(wall_ms, 1), round((used.ru_utime + used.ru_stime) * 1e3, 1), round(used.ru_maxrss / unit, 1)


SIDES: Mapping[str, Callable[[Params], Figures]] = {"all": _all}
