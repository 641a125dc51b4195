"""One side of one benchmark in a process of its own: parameters in by stdin, figures out by stdout."""

import importlib
import json
import re
import resource
import sys
from pathlib import Path

from benchmarks.measuring import PEAK


def peak_mb() -> float:
    """Return this process's largest resident memory, MB.

    From the kernel's own mark where there is one: ``getrusage`` counts what the parent had at fork.
    """
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        found = None
    if found is not None:
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Run the named side and print its figures."""
    _, module, side = sys.argv
    run = importlib.import_module(f"benchmarks.{module}").SIDES[side]
    figures = run(json.load(sys.stdin))
    print(json.dumps({PEAK: round(peak_mb(), 1), **figures}), flush=True)


if __name__ == "__main__":
    main()
