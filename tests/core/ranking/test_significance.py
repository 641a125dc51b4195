"""The label's false discovery rate: exact where it can be, honest about chance."""

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ranking.significance import EXACT_DAYS, q_values, sign_flip_p


@settings(max_examples=30)
@given(st.lists(st.integers(-50, 50).filter(bool), min_size=1, max_size=8))
def test_p_is_the_share_of_sign_patterns_at_least_as_bad(nets: list[int]) -> None:
    sums = [
        sum(s * n for s, n in zip(signs, nets, strict=True)) for signs in product((1, -1), repeat=len(nets))
    ]
    assert sign_flip_p([n / 10 for n in nets]) == sum(s <= sum(nets) for s in sums) / len(sums)


def test_no_result_at_all_proves_nothing() -> None:
    assert sign_flip_p([]) == 1.0
    assert sign_flip_p([0.0, 0.0]) == 1.0


def test_a_month_of_losing_days_is_beyond_chance_and_the_same_every_time() -> None:
    losing = [-1.0 - n / 7 for n in range(25)]
    assert sign_flip_p(losing) == sign_flip_p(losing) == 1 / (2**EXACT_DAYS + 1)
    assert sign_flip_p([-net for net in losing]) == 1.0


def test_under_the_null_p_is_as_even_as_it_says() -> None:
    rng = Random(11)
    p = [sign_flip_p([rng.gauss(0, 1) for _ in range(20)]) for _ in range(400)]
    for level in (0.05, 0.2, 0.5):
        assert sum(one <= level for one in p) / len(p) == pytest.approx(level, abs=0.06)


def test_q_values_are_benjamini_and_hochbergs() -> None:
    # The worked example of the 1995 paper: four discoveries at 5 %.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
         0.6528, 0.7590, 1.0000]  # fmt: skip
    q = q_values(p)
    assert sum(one <= 0.05 for one in q) == 4
    assert q[0] == pytest.approx(0.0015)
    assert q[-1] == 1.0


@given(st.lists(st.floats(0, 1), max_size=30), st.randoms(use_true_random=False))
def test_q_never_falls_below_p_and_keeps_its_order(p: list[float], random: Random) -> None:
    q = q_values(p)
    assert all(p_one <= q_one <= 1 for p_one, q_one in zip(p, q, strict=True))
    by_p = sorted(zip(p, q, strict=True))
    assert [one for _, one in by_p] == sorted(q)
    order = list(range(len(p)))
    random.shuffle(order)
    assert q_values([p[i] for i in order]) == [q[i] for i in order]
