"""A clock that moves when told."""

NOW = 1_795_500_123_456


class HandClock:
    """Gives ms; set `now` to let time pass."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now
