"""From an event that passed every gate to the opportunity that people read."""

from decimal import Decimal

from core.detection.identity import event_id, short_id
from core.detection.rules import ALL, fader_side, first_rejection, taken_usd
from core.detection.scene import Scene
from core.model.market import Direction
from core.model.opportunities import Decision, DetectionRules, Opportunity, Watch
from core.model.positions import EventKind, PositionEvent

SIGNIFICANT_DIGITS = 6


def decide(event: PositionEvent, scene: Scene, rules: DetectionRules, namespace: str) -> Decision:
    """Answer one event: published with its opportunity, or rejected with the rule and the figures."""
    rejection, looked = first_rejection(event, scene, rules, ALL)
    decision_id = event_id(event, namespace, rules.rule_version)
    opportunity = None
    if rejection is None and scene.watch is not None:
        opportunity = _opportunity(decision_id, event, scene, scene.watch, rules)
    return Decision(
        decision_id=decision_id,
        event=event,
        group=scene.group,
        decided_ms=scene.now_ms,
        rejection=rejection,
        figures=looked,
        opportunity=opportunity,
    )


def _opportunity(
    opportunity_id: str, event: PositionEvent, scene: Scene, watch: Watch, rules: DetectionRules
) -> Opportunity:
    side = fader_side(event)
    reference_px, source, half_spread = _reference(side, scene, rules)
    loser_px = round_px(event.avg_px)
    drift = float((reference_px - event.avg_px) / event.avg_px) * 1e4 * side.sign
    stop_px, target_px = _bounds(side, reference_px, scene.hourly_sigma, rules)
    funding = None if scene.funding_rate is None else -scene.funding_rate * side.sign * 1e4
    return Opportunity(
        opportunity_id=opportunity_id,
        short_id=short_id(opportunity_id),
        group=watch.group,
        rule_version=rules.rule_version,
        is_rehearsal=watch.is_rehearsal,
        loser=event.account,
        rank=watch.rank,
        badness=watch.badness,
        record=watch.record,
        coin=event.coin,
        side=side,
        trigger=event.kind.value,
        loser_px=loser_px,
        loser_notional_usd=taken_usd(event) or 0.0,
        event_ms=event.time_ms,
        published_ms=scene.now_ms,
        reference_px=reference_px,
        reference_source=source,
        drift_bps=drift,
        suggested_notional_usd=rules.suggested_notional_usd,
        stop_px=stop_px,
        target_px=target_px,
        expires_ms=scene.now_ms + rules.expiry_ms,
        edge_bps=watch.edge_bps,
        edge_low_bps=watch.edge_low_bps,
        edge_high_bps=watch.edge_high_bps,
        edge_n=watch.edge_n,
        cost_bps=2 * rules.taker_fee_bps + 2 * half_spread,
        half_spread_bps=half_spread,
        funding_bps_per_hour=funding,
        crowd=scene.crowd(),
        reasons=_reasons(event, watch),
        gates_passed_unchecked=() if scene.book else ("spread", "depth"),
        is_late=scene.is_late,
        max_drift_bps=rules.max_drift_bps,
        max_age_ms=rules.max_age_ms,
    )


def _reference(side: Direction, scene: Scene, rules: DetectionRules) -> tuple[Decimal, str, float]:
    """Return the price a fader could have, its source, and the half spread in bps."""
    if scene.book is not None:
        best = scene.book.best(side)
        if best is None or scene.book.spread_bps is None:  # the book gate refuses this
            raise AssertionError("an opportunity needs a book with both sides")
        return best, "book", scene.book.spread_bps / 2
    if scene.last_px is None:  # the book gate refuses this too
        raise AssertionError("an opportunity needs a last price")
    worse = Decimal(1) + side.sign * Decimal(str(rules.half_spread_bps)) / 10_000
    return round_px(scene.last_px * worse), "last_trade", rules.half_spread_bps


def _bounds(
    side: Direction, reference_px: Decimal, sigma: float | None, rules: DetectionRules
) -> tuple[Decimal | None, Decimal | None]:
    if sigma is None or sigma <= 0:
        return None, None
    stop = 1 - side.sign * rules.stop_sigmas * sigma
    target = 1 + side.sign * rules.target_sigmas * sigma
    return (
        round_px(reference_px * Decimal(repr(stop))) if stop > 0 else None,
        round_px(reference_px * Decimal(repr(target))) if target > 0 else None,
    )


def round_px(px: Decimal) -> Decimal:
    """Round a price to six significant digits and drop trailing zeros, without an exponent."""
    rounded = px.normalize() if px == 0 else Decimal(f"%.{SIGNIFICANT_DIGITS}g" % px).normalize()
    return Decimal(f"{rounded:f}")


def _reasons(event: PositionEvent, watch: Watch) -> tuple[str, ...]:
    did = {
        EventKind.OPEN: f"opened a {event.direction} position",
        EventKind.FLIP: f"flipped to {event.direction}",
        EventKind.INCREASE: f"added to a {event.direction} position",
    }[event.kind]
    who = "A control account"
    if watch.rank:
        who = f"Number {watch.rank} on the losers' list"
    elif watch.is_rehearsal:
        who = "This account (rehearsal: every account counts as listed)"
    reasons = [f"{who} {did} as a taker."]
    if watch.record:
        reasons.append(watch.record)
    return tuple(reasons)
