"""The wall clock: the only place, beside the simulated exchange, where real time is read."""

import time


class WallClock:
    """UTC milliseconds since the epoch, as the system tells them."""

    def now_ms(self) -> int:
        """Return the time now."""
        return time.time_ns() // 1_000_000
