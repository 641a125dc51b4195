"""The gates between an event and an opportunity, in the order in which they are asked.

Each gate returns the rejection or None, and leaves the figures it looked at. Sources: DESIGN's
"From event to opportunity", retold in docs/formulas.md.
"""

from collections.abc import Callable

from core.detection.scene import Scene
from core.model.market import Direction
from core.model.opportunities import DetectionRules, Group, Rejection
from core.model.positions import Cause, EventKind, PositionEvent

Looked = dict[str, float | str | None]
Gate = Callable[[PositionEvent, Scene, DetectionRules, Looked], Rejection | None]

ENTRIES = frozenset({EventKind.OPEN, EventKind.FLIP, EventKind.INCREASE})

PROVISIONAL = frozenset(
    {
        Rejection.NOTIONAL_BELOW_FLOOR,
        Rejection.INCREASE_TOO_SMALL,
        Rejection.MAKER,
        Rejection.NOT_AN_ENTRY,
    }
)
"""Rejections that later fills of the same event may lift."""


def fader_side(event: PositionEvent) -> Direction:
    """Return the other side of the event."""
    return event.direction.opposite


def taken_usd(event: PositionEvent) -> float | None:
    """Return the USD by which the account opened or enlarged its position as a taker.

    The taken part of the event's notional times the share of its size that opened; None where the
    source doesn't say who took.
    """
    if event.taker_notional_usd is None:
        return None
    return float(event.taker_notional_usd * event.opening_sz / event.sz)


def increase_share(event: PositionEvent) -> float | None:
    """Return the coins added as a share of the position before; None for an open or a flip."""
    if event.kind is not EventKind.INCREASE or event.before == 0:
        return None
    return float(event.opening_sz / abs(event.before))


def _cause(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    looked["kind"] = event.kind.value
    looked["cause"] = event.cause.value
    if event.kind is EventKind.LIQUIDATION or event.cause is Cause.LIQUIDATION:
        return Rejection.LIQUIDATION
    return Rejection.NOT_AN_ORDER if event.cause is not Cause.ORDER else None


def _watched(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    if scene.watch is None or scene.watch.group is Group.FOLLOWED:
        return Rejection.NOT_LISTED
    looked["rank"] = scene.watch.rank
    looked["badness"] = scene.watch.badness
    return None


def _coin(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    return Rejection.COIN_NOT_LISTED if scene.coin_is_listed is False else None


def _position(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    return None if scene.position_is_known else Rejection.POSITION_UNKNOWN


def _entry(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    return None if event.kind in ENTRIES else Rejection.NOT_AN_ENTRY


def _increase(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    share = increase_share(event)
    looked["increase"] = share
    if share is not None:
        looked["min_increase"] = rules.min_increase
    return Rejection.INCREASE_TOO_SMALL if share is not None and share < rules.min_increase else None


def _taken(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    usd = taken_usd(event)
    looked["taken_usd"] = usd
    if usd is None:
        return Rejection.TAKER_UNKNOWN
    if usd == 0:
        return Rejection.MAKER
    looked["min_notional_usd"] = rules.min_notional_usd
    return Rejection.NOTIONAL_BELOW_FLOOR if usd < rules.min_notional_usd else None


def _age(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    age_ms = scene.now_ms - event.time_ms
    looked["age_s"] = age_ms / 1000
    looked["max_age_s"] = rules.max_age_ms / 1000
    return Rejection.TOO_OLD if age_ms > rules.max_age_ms else None


def _live(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    if scene.is_live_already:
        return Rejection.ALREADY_LIVE
    if scene.last_ended_ms is not None and scene.now_ms - scene.last_ended_ms < rules.cooldown_ms:
        looked["since_last_s"] = (scene.now_ms - scene.last_ended_ms) / 1000
        looked["cooldown_s"] = rules.cooldown_ms / 1000
        return Rejection.COOLDOWN
    return None


def _opposed(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    looked["own_badness"] = scene.own_badness
    looked["opposing_badness"] = scene.opposing_badness
    opposed = scene.opposing_badness > 0 and scene.opposing_badness >= scene.own_badness
    return Rejection.OPPOSED if opposed else None


def _book(event: PositionEvent, scene: Scene, rules: DetectionRules, looked: Looked) -> Rejection | None:
    if scene.book is None:
        if scene.book_problem is not None:
            looked["book_problem"] = scene.book_problem
        return Rejection.BOOK_UNKNOWN if scene.book_is_required or scene.last_px is None else None
    side = fader_side(event)
    spread = scene.book.spread_bps
    depth = scene.book.depth_usd(side, rules.depth_within_bps)
    looked["spread_bps"] = spread
    looked["depth_usd"] = depth
    if spread is None or depth is None or scene.book.best(side) is None:
        return Rejection.BOOK_UNKNOWN
    min_depth = rules.depth_factor * rules.suggested_notional_usd
    looked["max_spread_bps"] = rules.max_spread_bps
    looked["min_depth_usd"] = min_depth
    if spread > rules.max_spread_bps:
        return Rejection.SPREAD_TOO_WIDE
    return Rejection.DEPTH_TOO_THIN if depth < min_depth else None


BEFORE_BOOK: tuple[Gate, ...] = (
    _cause,
    _watched,
    _coin,
    _position,
    _entry,
    _increase,
    _taken,
    _age,
    _live,
    _opposed,
)
"""What can be asked without a request to the exchange; what an event is, only of a known position."""

ALL: tuple[Gate, ...] = (*BEFORE_BOOK, _book)


def first_rejection(
    event: PositionEvent, scene: Scene, rules: DetectionRules, gates: tuple[Gate, ...] = ALL
) -> tuple[Rejection | None, Looked]:
    """Ask the gates in order; return the first rejection (None: all passed) and what was looked at."""
    looked: Looked = {}
    for gate in gates:
        rejection = gate(event, scene, rules, looked)
        if rejection is not None:
            return rejection, looked
    return None, looked
