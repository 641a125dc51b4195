"""A Hyperliquid-compatible exchange on loopback: a seeded market, or a recording.

Nothing outside `exchange.simulated` needs more than these names.
"""

from exchange.simulated.config import SimulationConfig
from exchange.simulated.faults import Faults, HttpFault
from exchange.simulated.matching import PositionEvent
from exchange.simulated.replay import ReplayExchange, ReplayVenue
from exchange.simulated.server import SimulatedExchange, VenueServer
from exchange.simulated.simulation import Simulation

__all__ = [
    "Faults",
    "HttpFault",
    "PositionEvent",
    "ReplayExchange",
    "ReplayVenue",
    "SimulatedExchange",
    "Simulation",
    "SimulationConfig",
    "VenueServer",
]
