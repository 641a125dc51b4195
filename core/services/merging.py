"""Which waiting entries go out one by one, and from which on they are told in one message."""

from collections import Counter
from collections.abc import Iterable

from core.model.alerts import Backlog, Target
from core.ports import Pace

PATIENCE_S = 60.0
"""An entry that would wait for longer behind others of its chat is better told together with them."""


def surplus(backlogs: Iterable[Backlog], pace: Pace, now_ms: int) -> dict[Target, int]:
    """Return, for each target that falls behind, how many of its entries still go one by one.

    That is what its own limit lets through before the first of them expires, at most in
    ``PATIENCE_S``, and no more than its share of what the whole platform takes in that time.
    """
    waiting = list(backlogs)
    shared_by = Counter(one.target.channel for one in waiting)
    found = {}
    for one in waiting:
        seconds = PATIENCE_S
        if one.expires_ms is not None:
            seconds = min(seconds, max(0.0, (one.expires_ms - now_ms) / 1000))
        rate = pace.rate(one.target)
        shared = pace.channel_rate(one.target.channel)
        keep = one.entries
        if rate is not None:
            keep = min(keep, int(rate * seconds))
        if shared is not None:
            keep = min(keep, int(shared * seconds / shared_by[one.target.channel]))
        keep = max(keep, 1)
        if one.entries - keep >= 2:
            found[one.target] = keep
    return found
