"""Which side the losers of a coin entered lately."""

from dataclasses import replace

from core.detection.entries import Entry, RecentEntries
from core.model.market import Direction
from core.model.opportunities import Group
from tests.support.detection_facts import BTC, CONTROL, ETH, LOSER, OTHER

WINDOW_MS = 900_000
LONG, SHORT = Direction.LONG, Direction.SHORT
ENTRY = Entry("e1", LOSER, Group.LOSER, BTC, LONG, 1_000, 90.0)


def recent(*entries: Entry) -> RecentEntries:
    known = RecentEntries(WINDOW_MS)
    for entry in entries:
        known.add(entry)
    return known


def test_entries_of_one_side_add_up_by_account() -> None:
    known = recent(
        ENTRY,
        replace(ENTRY, event_id="e2", account=OTHER, badness=40.0),
        replace(ENTRY, event_id="e3", direction=SHORT, account=CONTROL, badness=10.0),
    )
    assert known.badness(Group.LOSER, BTC, LONG, 1_000) == 130.0
    assert known.badness(Group.LOSER, BTC, SHORT, 1_000) == 10.0


def test_one_account_counts_once_with_its_worst() -> None:
    known = recent(ENTRY, replace(ENTRY, event_id="e2", badness=95.0), replace(ENTRY, event_id="e3"))
    assert known.badness(Group.LOSER, BTC, LONG, 1_000) == 95.0


def test_who_turned_counts_on_the_new_side_alone() -> None:
    known = recent(
        ENTRY,
        replace(ENTRY, event_id="e2", account=OTHER, badness=40.0),
        replace(ENTRY, event_id="e3", direction=SHORT),
    )
    assert known.badness(Group.LOSER, BTC, SHORT, 1_000) == 90.0
    assert known.badness(Group.LOSER, BTC, LONG, 1_000) == 40.0


def test_an_entry_found_late_isnt_its_accounts_last_side() -> None:
    known = recent(replace(ENTRY, time_ms=2_000), replace(ENTRY, event_id="e2", direction=SHORT))
    assert known.badness(Group.LOSER, BTC, LONG, 2_000) == 90.0
    assert known.badness(Group.LOSER, BTC, SHORT, 2_000) == 0


def test_one_event_counts_once() -> None:
    known = recent(ENTRY, replace(ENTRY, badness=99.0))
    assert known.badness(Group.LOSER, BTC, LONG, 1_000) == 90.0


def test_groups_and_coins_dont_meet() -> None:
    known = recent(ENTRY)
    assert known.badness(Group.PLACEBO, BTC, LONG, 1_000) == 0
    assert known.badness(Group.LOSER, ETH, LONG, 1_000) == 0


def test_the_window_is_inclusive() -> None:
    known = recent(ENTRY)
    assert known.badness(Group.LOSER, BTC, LONG, 1_000 + WINDOW_MS) == 90.0
    assert known.badness(Group.LOSER, BTC, LONG, 1_001 + WINDOW_MS) == 0


def test_an_entry_dated_after_our_clock_counts() -> None:
    assert recent(ENTRY).badness(Group.LOSER, BTC, LONG, 400) == 90.0


def test_old_entries_are_let_go() -> None:
    known = recent(*(replace(ENTRY, event_id=f"e{n}", time_ms=n * WINDOW_MS) for n in range(50)))
    assert len(known._entries[Group.LOSER, BTC]) <= 2
