"""A fault is said once when it begins, at most once a minute while it lasts, and once when it is over."""

from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.trouble import SAID_AGAIN_MS, Trouble
from tests.support.detection_ports import HandClock


@pytest.fixture
def said() -> Iterator[list[dict[str, Any]]]:
    with capture_logs() as logs:
        yield logs  # type: ignore[misc]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def trouble(clock: HandClock) -> Trouble:
    return Trouble("it is away", "it is back", clock.now_ms, "lost")


def test_a_fault_is_said_when_it_begins_and_when_it_is_over(
    trouble: Trouble, clock: HandClock, said: list[dict[str, Any]]
) -> None:
    for second in range(31):
        clock.go_to(1000 * second)
        trouble.met("marks", "refused")
    clock.go_to(31_000)
    trouble.passed("marks")
    assert said == [
        {"event": "it is away", "log_level": "warning", "reason": "refused"},
        {"event": "it is back", "log_level": "warning", "after_s": 31, "times": 31, "lost": 0},
    ]


def test_while_it_lasts_it_is_said_once_a_minute_with_its_count_and_last_reason(
    trouble: Trouble, clock: HandClock, said: list[dict[str, Any]]
) -> None:
    for second in range(150):
        clock.go_to(1000 * second)
        trouble.met("marks", f"reason {second}")
    assert [(one.get("lasts_s"), one.get("times"), one["reason"]) for one in said] == [
        (None, None, "reason 0"),
        (60, 61, "reason 60"),
        (120, 121, "reason 120"),
    ]


def test_it_is_over_when_all_whom_it_stopped_have_passed(
    trouble: Trouble, said: list[dict[str, Any]]
) -> None:
    trouble.met("marks", "refused")
    trouble.met("dispatch", "refused")
    trouble.passed("marks")
    trouble.passed("publication")
    assert [one["event"] for one in said] == ["it is away"]
    trouble.passed("dispatch")
    trouble.passed("dispatch")
    assert [one["event"] for one in said] == ["it is away", "it is back"]


def test_who_was_never_stopped_says_nothing(trouble: Trouble, said: list[dict[str, Any]]) -> None:
    trouble.passed("marks")
    assert said == []


def test_what_flickers_is_told_once_a_minute_and_counted(
    trouble: Trouble, clock: HandClock, said: list[dict[str, Any]]
) -> None:
    for second in range(61):
        clock.go_to(1000 * second)
        trouble.met("marks", "refused", lost=1)
        trouble.passed("marks")
    assert [(one["event"], one.get("times"), one.get("lost")) for one in said] == [
        ("it is away", None, None),
        ("it is back", 1, 1),
        ("it is away", None, None),
        ("it is back", 60, 60),
    ]


def test_a_second_fault_is_a_story_of_its_own(
    trouble: Trouble, clock: HandClock, said: list[dict[str, Any]]
) -> None:
    trouble.met("marks", "refused", lost=2)
    trouble.count(lost=1)
    trouble.passed("marks")
    clock.go_to(SAID_AGAIN_MS)
    trouble.met("marks", "refused")
    clock.go_to(SAID_AGAIN_MS + 5_000)
    trouble.passed("marks")
    assert [(one.get("after_s"), one.get("times"), one.get("lost")) for one in said] == [
        (None, None, None),
        (0, 1, 3),
        (None, None, None),
        (5, 1, 0),
    ]
