"""The verdict on the whole: is there evidence that fading these losers pays, and more than a control."""

from collections.abc import Iterable, Sequence

from core.model.opportunities import Group
from core.model.outcomes import Evidence, Interval, Score, ScoredOpportunity, Verdict
from core.model.traders import Horizon
from core.scoring.intervals import MIN_BLOCKS, by_block, difference_interval
from core.scoring.performance import Result, block_days, results, score

ENTRY_DELAY_MS = 30_000
"""Fixed in advance: nobody is measured by a price that no reader could have had."""

MIN_OPPORTUNITIES = 100


def evidence(
    losers: Iterable[ScoredOpportunity],
    placebo: Iterable[ScoredOpportunity],
    horizon: Horizon,
    now_ms: int,
    was_supported: bool,
) -> Evidence:
    """Return the verdict over all published opportunities, muted and undelivered included.

    Supported when there are 20 day blocks and 100 opportunities, and the lower 95 % bounds of the
    mean and of its lead over the placebo's mean are both above zero; withdrawn when it was and no
    longer is. Rehearsals never count. Source: docs/formulas.md, evidence.
    """
    ours = _due(losers, Group.LOSER, horizon, now_ms)
    control = _due(placebo, Group.PLACEBO, horizon, now_ms)
    our_score, control_score = score(ours, horizon), score(control, horizon)
    lead = difference_interval(_blocks(ours, horizon), _blocks(control, horizon))
    is_supported = (
        our_score.n >= MIN_OPPORTUNITIES
        and our_score.blocks >= MIN_BLOCKS
        and _is_above_zero(our_score.mean_interval)
        and _is_above_zero(lead)
    )
    verdict = Verdict.SUPPORTED if is_supported else Verdict.NONE_YET
    if was_supported and not is_supported:
        verdict = Verdict.WITHDRAWN
    sentence = _sentence(verdict, horizon, our_score, control_score, lead)
    return Evidence(verdict, horizon, ENTRY_DELAY_MS, our_score, control_score, lead, sentence)


def _due(
    scored: Iterable[ScoredOpportunity], group: Group, horizon: Horizon, now_ms: int
) -> Sequence[Result]:
    real = [one for one in scored if one.opportunity.group is group and not one.opportunity.is_rehearsal]
    return results(real, horizon, ENTRY_DELAY_MS, now_ms)


def _blocks(due: Iterable[Result], horizon: Horizon) -> dict[int, tuple[float, int]]:
    known = [(r.published_ms, r.net_bps) for r in due if r.net_bps is not None]
    return by_block(known, block_days(horizon))


def _is_above_zero(interval: Interval | None) -> bool:
    return interval is not None and interval.low > 0


_OPENINGS = {
    Verdict.SUPPORTED: "Supported by evidence",
    Verdict.WITHDRAWN: "Evidence withdrawn, it was there before and no longer is",
    Verdict.NONE_YET: "No evidence yet",
}


def _sentence(verdict: Verdict, horizon: Horizon, ours: Score, control: Score, lead: Interval | None) -> str:
    """Say the verdict and the figures that decided it in one plain sentence."""
    opening = _OPENINGS[verdict]
    days = "days" if block_days(horizon) == 1 else "two-day blocks"
    when = f"{horizon} after an entry {ENTRY_DELAY_MS // 1000} s late"
    if ours.n < MIN_OPPORTUNITIES or ours.blocks < MIN_BLOCKS:
        return (
            f"{opening}: {ours.n} of {MIN_OPPORTUNITIES} opportunities, "
            f"{ours.blocks} of {MIN_BLOCKS} {days} with a known result {when}."
        )
    mean = f"{ours.n} opportunities on {ours.blocks} {days} made {_bps(ours.mean_net_bps)} on average"
    mean += f" {when} (95 %: {_range(ours.mean_interval)})"
    if lead is None or ours.mean_net_bps is None or control.mean_net_bps is None:
        return f"{opening}: {mean}, and the placebo has too few shared {days} to compare with."
    ahead = _bps(ours.mean_net_bps - control.mean_net_bps)
    return f"{opening}: {mean}, {ahead} against the placebo (95 %: {_range(lead)})."


def _bps(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.1f} bps"


def _range(interval: Interval | None) -> str:
    return "unknown" if interval is None else f"{interval.low:+.1f} to {interval.high:+.1f}"
