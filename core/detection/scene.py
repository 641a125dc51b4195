"""What the rules may look at when they decide about one event."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from core.model.market import Book
from core.model.opportunities import Crowd, Group, Watch


@dataclass(frozen=True, slots=True)
class Scene:
    """The surroundings of an event at the moment of decision; unknown is None."""

    now_ms: int
    watch: Watch | None
    """None: the account is no longer watched."""
    position_is_known: bool
    coin_is_listed: bool | None
    """None: there is no list of coins (replay)."""
    is_live_already: bool
    last_ended_ms: int | None
    own_badness: float
    """Badness of this side's losers in this coin within the opposing window, this one's included."""
    opposing_badness: float
    book: Book | None
    book_is_required: bool
    last_px: Decimal | None
    """The coin's last trade."""
    hourly_sigma: float | None
    """Standard deviation of hourly moves over seven days, a fraction."""
    funding_rate: float | None
    """Hourly, a fraction; positive: longs pay."""
    crowd: Callable[[], Crowd | None]
    """Asked only for what is published: it looks at everybody."""
    is_late: bool = False
    book_problem: str | None = None
    """Why there is no book, where it was asked for."""

    @property
    def group(self) -> Group:
        """Return whose event this is; an unwatched account's counts as a loser's."""
        return self.watch.group if self.watch else Group.LOSER
