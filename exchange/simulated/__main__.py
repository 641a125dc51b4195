"""Serve a simulated exchange from the command line: `python -m exchange.simulated --port 8099`."""

import argparse
import asyncio
import contextlib

from exchange.simulated import SimulatedExchange, SimulationConfig


async def _serve(host: str, port: int, config: SimulationConfig) -> None:
    async with SimulatedExchange(config, host, port) as sim:
        print(f"simulated exchange: {sim.url}/info  {sim.ws_url}  {sim.leaderboard_url}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Parse the options and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m exchange.simulated", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--accounts", type=int, default=3000)
    parser.add_argument("--pace", type=float, default=1.0)
    parser.add_argument("--weight", type=int, default=1200, help="weight per minute and client")
    parser.add_argument("--greeting", action="store_true", help="send the plain text first frame")
    given = parser.parse_args()
    config = SimulationConfig(
        seed=given.seed,
        accounts=given.accounts,
        pace=given.pace,
        weight_per_minute=given.weight,
        greeting=given.greeting,
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(given.host, given.port, config))


if __name__ == "__main__":
    main()
