"""One simulated market without a server, shared by the tests that only read it."""

import pytest

from exchange.simulated import Simulation, SimulationConfig

NOW = 1_795_500_123_456


class HandClock:
    """A clock that moves when told."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def quiet() -> Simulation:
    """Give a simulation at its very start; don't advance it."""
    return Simulation(SimulationConfig(accounts=160), HandClock())


@pytest.fixture(scope="session")
def busy() -> Simulation:
    """Give a simulation after ten minutes; don't advance it."""
    simulation = Simulation(SimulationConfig(accounts=160, seed=3), HandClock())
    simulation.run_until(NOW + 600_000)
    return simulation
