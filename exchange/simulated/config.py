"""What one can ask of a simulated exchange; changes when a knob is added."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """Describe a simulated exchange; the same values and clock give the same exchange.

    `accounts` is the number of leaderboard rows. `pace` scales the known accounts' live orders: at 1.0 an
    opening of 5000 USD or more by a persistent loser comes about every 6 s over all, far more than on the
    real exchange, so that a demonstration has something to show. `trades_per_second` is the whole tape.
    """

    seed: int = 7
    accounts: int = 3000
    pace: float = 1.0
    brief_s: float = (
        12.0  # what opens so soon after the start closes within 14 s: a demonstration's first story
    )
    trades_per_second: float = 40.0
    weight_per_minute: int = 1200
    greeting: bool = False  # the plain text first frame, which not every client can live with
    float_noise: bool = True  # "1064075.6000000001" as the real exchange prints
    reversion: float = 1.0  # how much of a move is given back; 0 is a pure random walk
    listing_after_s: float | None = None  # when MON is listed
    block_ms: int = 80  # the real exchange makes 12 to 14 blocks a second
    max_connections: int = 10
    max_subscriptions: int = 1000
    max_users: int = 10
    idle_close_s: float = 60.0
    leaderboard_max_age_s: float = 600.0

    def __post_init__(self) -> None:
        """Refuse values that no exchange can have."""
        if self.accounts < 1:
            raise ValueError(f"accounts is {self.accounts}; expected at least 1")
        if self.brief_s < 0:
            raise ValueError(f"brief_s is {self.brief_s}; expected 0 or more")
        if self.pace < 0 or self.trades_per_second <= 0:
            raise ValueError("pace must be ≥ 0 and trades_per_second > 0")
        if self.weight_per_minute < 1:
            raise ValueError(f"weight_per_minute is {self.weight_per_minute}; expected at least 1")
