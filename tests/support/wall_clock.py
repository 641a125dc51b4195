"""Read the real time for servers that stamp what they record."""

import time


def now_seconds() -> float:
    """Return seconds since 1970: a chat platform's messages carry the true time."""
    return time.time()  # noqa: TID251  a server outside the product has its own clock
