"""One simulated market without a server, shared by the tests that only read it."""

import pytest

from exchange.simulated import Simulation, SimulationConfig
from tests.exchange.simulated.hand_clock import NOW, HandClock


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
