"""The simulated exchange as a server on loopback; changes only in how it starts, ticks and stops."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiohttp import web

from exchange.simulated.broadcast import Broadcast
from exchange.simulated.config import SimulationConfig
from exchange.simulated.faults import Faults
from exchange.simulated.limits import Budgets
from exchange.simulated.rest import Rest
from exchange.simulated.simulation import Simulation
from exchange.simulated.sockets import Sockets
from exchange.simulated.venue import Venue

_TICK_S = 0.05


def wall_clock() -> int:
    """Return the time in ms."""
    return time.time_ns() // 1_000_000


class VenueServer:
    """Serves any venue over HTTP and WebSocket: `async with VenueServer(venue) as server: server.url`."""

    def __init__(
        self, venue: Venue, config: SimulationConfig, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.venue = venue
        self.config = config
        self.faults = Faults()
        self.budgets = Budgets(config.weight_per_minute)
        self._host = host
        self._port = port
        self._rest = Rest(venue, self.budgets, self.faults, config.leaderboard_max_age_s)
        self.sockets = Sockets(venue, config, self.faults, self._rest.ask)
        self._broadcast = Broadcast(venue, self.sockets, self.faults)
        self._rest.before_answer = self.sockets.before_answer = self.step
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """Return the base URL, to which clients add /info."""
        return f"http://{self._host}:{self._port}"

    @property
    def ws_url(self) -> str:
        """Return the WebSocket's URL."""
        return f"ws://{self._host}:{self._port}/ws"

    @property
    def leaderboard_url(self) -> str:
        """Return the leaderboard's URL."""
        return f"{self.url}/Mainnet/leaderboard"

    @property
    def vaults_url(self) -> str:
        """Return the vault list's URL."""
        return f"{self.url}/Mainnet/vaults"

    def step(self) -> None:
        """Let time pass up to the clock's and send what is due; done 20 times a second anyway."""
        self._broadcast.step()

    async def close_connections(self, code: int = 1000, reason: str = "Expired") -> None:
        """Close every WebSocket as the exchange does every few hours."""
        await self.sockets.close_all(code, reason)

    def drop_connections(self) -> None:
        """Cut every WebSocket without a close frame."""
        self.sockets.drop_all()

    async def __aenter__(self) -> Self:
        """Listen; raise OSError if the port is taken."""
        app = web.Application()
        app.add_routes([*self._rest.routes(), web.get("/ws", self.sockets.handle)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._port = self._runner.addresses[0][1]
        self._tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self._rest.prepare())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and end every connection."""
        self.venue.stop()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.drop_connections()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tick(self) -> None:
        while True:
            self.step()
            await asyncio.sleep(_TICK_S)


class SimulatedExchange(VenueServer):
    """A seeded exchange on loopback.

    async with SimulatedExchange(SimulationConfig(accounts=300), port=0) as sim:
        ...  # sim.url, sim.ws_url, sim.leaderboard_url, sim.faults, sim.truth
    """

    def __init__(
        self,
        config: SimulationConfig | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        config = config or SimulationConfig()
        self.simulation = Simulation(config, clock)
        super().__init__(self.simulation, config, host, port)
