"""What simulated accounts did, as a file of fills in the exchange's own form."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from exchange.simulated import Simulation, SimulationConfig

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MIDNIGHT_MS = 20_600 * DAY_MS
PAGE = 2_000


def fills_of(simulation: Simulation, user: str, from_ms: int, to_ms: int) -> Iterator[dict[str, Any]]:
    """Yield an account's fills as a client pages through them."""
    while True:
        request = {"type": "userFillsByTime", "user": user, "startTime": from_ms, "endTime": to_ms}
        page = simulation.answer(request)
        yield from page
        if len(page) < PAGE:
            return
        from_ms = page[-1]["time"] + 1


def write_recording(path: Path, accounts: int) -> Sequence[str]:
    """Write 35 days of so many accounts and an hour on the tape across midnight; return who they are."""
    origin_ms = MIDNIGHT_MS - HOUR_MS // 2
    simulation = Simulation(SimulationConfig(accounts=accounts, trades_per_second=5), lambda: origin_ms)
    simulation.run_until(origin_ms + HOUR_MS)
    people = [person.address for person in simulation.population.rows][:accounts]
    with path.open("w") as file:
        for user in people:
            for fill in fills_of(simulation, user, origin_ms - 35 * DAY_MS, origin_ms + HOUR_MS):
                file.write(json.dumps({"user": user, **fill}) + "\n")
    return people
