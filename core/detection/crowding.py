"""When several losers on one side of a coin are one story: a crowd, and who joins it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from core.model.opportunities import Opportunity


@dataclass(frozen=True, slots=True)
class CrowdRules:
    """What makes a crowd."""

    losers: int = 3
    """So many different losers; 0: there are no crowds."""
    within_ms: int = 900_000
    """From the first member's publication to the last's."""


@dataclass(frozen=True, slots=True)
class KnownCrowd:
    """A crowd by name: that of the opportunity which completed it."""

    crowd_id: str
    since_ms: int
    members: tuple[str, ...]
    """Ids of opportunities, the oldest first; whoever joined stays."""


def crowd_with(
    new: Opportunity, live: Sequence[Opportunity], last: KnownCrowd | None, rules: CrowdRules
) -> KnownCrowd | None:
    """Return the crowd that a new opportunity joins or completes, or None.

    ``live``: of its coin, itself among them. ``last``: the newest crowd of its coin and side. A crowd
    takes members for as long as it may last; afterwards another must gather, without its members.
    """
    if not rules.losers or new.opportunity_id in (last.members if last else ()):
        return None
    if last is not None and new.published_ms - last.since_ms <= rules.within_ms:
        return replace(last, members=(*last.members, new.opportunity_id))
    taken: Collection[str] = last.members if last else ()
    lately = sorted(
        (
            one
            for one in live
            if one.coin == new.coin
            and one.side is new.side
            and 0 <= new.published_ms - one.published_ms <= rules.within_ms
            and one.opportunity_id not in taken
        ),
        key=lambda one: (one.published_ms, one.opportunity_id),
    )
    if len({one.loser for one in lately}) < rules.losers:
        return None
    return KnownCrowd(new.opportunity_id, lately[0].published_ms, tuple(one.opportunity_id for one in lately))
