"""The verdict."""

from random import Random
from typing import Any

import pytest

from core.model.market import DAY_MS
from core.model.opportunities import Group
from core.model.outcomes import ScoredOpportunity, Verdict
from core.model.traders import Horizon
from core.scoring.evidence import evidence
from tests.support.facts import MONDAY_MS, a_scored

NOW_MS = MONDAY_MS + 90 * DAY_MS


def group(
    which: Group, mean: float, days: int = 25, per_day: int = 6, seed: int = 1, **changes: Any
) -> list[ScoredOpportunity]:
    random = Random(f"{which}{seed}")
    return [
        a_scored(
            MONDAY_MS + d * DAY_MS + i * 3_600_000,
            random.gauss(mean, 10),
            delay_ms=30_000,
            group=which,
            **changes,
        )
        for d in range(days)
        for i in range(per_day)
    ]


def verdict(losers: list[ScoredOpportunity], placebo: list[ScoredOpportunity], was: bool = False) -> Verdict:
    return evidence(losers, placebo, Horizon.H1, NOW_MS, was).verdict


def test_a_clear_gain_over_zero_and_over_the_placebo_is_supported() -> None:
    found = evidence(group(Group.LOSER, 12.0), group(Group.PLACEBO, -9.0), Horizon.H1, NOW_MS, False)
    assert found.verdict is Verdict.SUPPORTED
    assert found.delay_ms == 30_000
    assert found.sentence.startswith("Supported by evidence: 150 opportunities on 25 days made +1")


def test_a_gain_that_the_placebo_makes_too_is_no_evidence() -> None:
    found = evidence(group(Group.LOSER, 12.0), group(Group.PLACEBO, 12.0), Horizon.H1, NOW_MS, False)
    assert found.verdict is Verdict.NONE_YET
    assert "against the placebo" in found.sentence


def test_losing_less_than_the_placebo_is_no_evidence() -> None:
    assert verdict(group(Group.LOSER, -5.0), group(Group.PLACEBO, -30.0)) is Verdict.NONE_YET


def test_nineteen_days_are_too_few() -> None:
    found = evidence(group(Group.LOSER, 12.0, days=19), group(Group.PLACEBO, -9.0), Horizon.H1, NOW_MS, False)
    assert found.verdict is Verdict.NONE_YET
    assert found.sentence == (
        "No evidence yet: 114 of 100 opportunities, 19 of 20 days with a known result "
        "1h after an entry 30 s late."
    )


def test_ninety_nine_opportunities_are_too_few() -> None:
    losers, placebo = group(Group.LOSER, 20.0, days=33, per_day=3), group(Group.PLACEBO, -9.0, days=33)
    assert verdict(losers, placebo) is Verdict.NONE_YET
    one_more = a_scored(MONDAY_MS, 20.0, delay_ms=30_000)
    assert verdict([*losers, one_more], placebo) is Verdict.SUPPORTED


def test_without_a_placebo_there_is_no_evidence() -> None:
    found = evidence(group(Group.LOSER, 12.0), [], Horizon.H1, NOW_MS, False)
    assert found.verdict is Verdict.NONE_YET
    assert "placebo has too few shared days" in found.sentence


def test_rehearsals_never_count() -> None:
    losers = group(Group.LOSER, 12.0, is_rehearsal=True)
    found = evidence(losers, group(Group.PLACEBO, -9.0), Horizon.H1, NOW_MS, False)
    assert found.losers.n == 0
    assert found.sentence.startswith("No evidence yet: 0 of 100 opportunities, 0 of 20 days")


def test_only_the_entry_thirty_seconds_late_decides() -> None:
    at_once = [a_scored(MONDAY_MS + d * DAY_MS, 50.0, delay_ms=0) for d in range(60)] * 2
    found = evidence(at_once, group(Group.PLACEBO, -9.0), Horizon.H1, NOW_MS, False)
    assert (found.losers.n, found.losers.missing) == (0, 120)


@pytest.mark.parametrize("mean", [12.0, -12.0])
def test_what_was_supported_is_withdrawn_only_when_it_no_longer_is(mean: float) -> None:
    expected = Verdict.SUPPORTED if mean > 0 else Verdict.WITHDRAWN
    assert verdict(group(Group.LOSER, mean), group(Group.PLACEBO, -9.0), was=True) is expected


def test_at_24h_the_blocks_are_two_days_long_and_say_so() -> None:
    found = evidence([], [], Horizon.H24, NOW_MS, False)
    assert "0 of 20 two-day blocks" in found.sentence
