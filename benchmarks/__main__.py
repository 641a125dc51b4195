"""``python -m benchmarks [name…] [--json]``: measure, print one table of ratios, keep a line of history."""

import argparse
import asyncio
import importlib
import json
import sys
from collections.abc import Sequence
from time import monotonic

from rich.console import Console

from benchmarks import machine, table
from benchmarks.measuring import Plan, Report

MODULES = {
    "import": "import_fills",
    "rank": "rank_accounts",
    "detect": "detect_trades",
    "latency": "alert_latency",
    "enqueue": "enqueue_alerts",
    "answers": "answer_latency",
    "startup": "start_commands",
}


async def measure(names: Sequence[str], plan: Plan, console: Console) -> dict[str, Report]:
    """Run the named benchmarks one after the other."""
    reports = {}
    for name in names:
        began = monotonic()
        console.print(f"measuring {name} …", highlight=False)
        module = importlib.import_module(f"benchmarks.{MODULES[name]}")
        reports[name] = await module.measure(plan)
        console.print(f"  {monotonic() - began:.0f} s", highlight=False)
    return reports


def main() -> None:
    """Read the arguments, measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"which: {', '.join(MODULES)} (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument("--rounds", type=int, help="rounds of each side")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the work; not kept unless it is 1")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in MODULES]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}: choose from {', '.join(MODULES)}")
    console = Console(stderr=arguments.json, width=None if sys.stdout.isatty() else 130)
    facts, before = machine.facts(), machine.load()
    console.print(f"{machine.line(facts)}, load {before:g}", highlight=False)
    plan = Plan(arguments.rounds, arguments.scale)
    reports = asyncio.run(measure(arguments.names or list(MODULES), plan, console))
    result = table.as_dict(reports, facts, machine.commit(), (before, machine.load()))
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        table.show(console, reports)
        console.print(f"load before {before:g}, after {result['load_after']:g}", highlight=False)
    if plan.scale == 1.0:
        table.keep(result)


if __name__ == "__main__":
    main()
