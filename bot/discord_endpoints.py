"""Point discord.py at another server; the only place that touches these two attributes.

Both are global to the process and no public interface of the library: a test guards them.
"""

import discord.gateway
import discord.http
import yarl


def use_endpoints(api_url: str, gateway_url: str) -> None:
    """Set where REST and gateway are, before the first client is built."""
    discord.http.Route.BASE = api_url.rstrip("/")
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
