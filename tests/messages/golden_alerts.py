"""Alerts of every kind as examples for the golden files."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.model.alerts import AlertKind, Channel
from core.model.market import Address
from core.model.notices import (
    Facts,
    FollowFacts,
    Growth,
    HealthFacts,
    ListFacts,
    Problem,
    RequestFacts,
)
from core.model.opportunities import Rejection
from messages.render import render_alert
from tests.support.chat_facts import LOSER, NOW_MS, make_alert, make_ending, make_opportunity
from tests.support.notice_facts import (
    make_close,
    make_crowd_facts,
    make_digest,
    make_event,
    make_members,
)

GROWN = Growth("K7Q2AAAAAAAAAAAAAAAAAAAAAA", Decimal("64215.5"), 41_800.0, NOW_MS - 500)


def about(kind: AlertKind, facts: Facts | None, **changes: Any) -> Callable[[Channel], str]:
    """Return how an alert about something else than one opportunity reads."""
    values: dict[str, Any] = {"opportunity": None, "facts": facts} | changes
    return lambda channel: render_alert(make_alert(kind, channel, **values), NOW_MS)


def update(**changes: Any) -> Callable[[Channel], str]:
    """Return how an entry's message reads after a change."""
    values: dict[str, Any] = {"edits": True, "reply_to": "77"} | changes
    return lambda channel: render_alert(make_alert(AlertKind.UPDATE, channel, **values), NOW_MS)


CHASED = make_opportunity(event_ms=NOW_MS - 95_000, drift_bps=27.4, max_drift_bps=20.0, max_age_ms=30_000)
MANY = replace(
    make_crowd_facts(),
    members=tuple(
        replace(
            one, short_id=f"{n:04d}", loser=Address(f"0x{n:040x}"), published_ms=one.published_ms + 5_000 * n
        )
        for n in range(60)
        for one in make_members()[:1]
    ),
)

ALERTS: dict[str, Callable[[Channel], str]] = {
    "entry-not-to-chase": lambda channel: render_alert(
        make_alert(AlertKind.ENTRY, channel, opportunity=CHASED), NOW_MS
    ),
    "update-grown": update(facts=GROWN),
    "update-ended": update(ending=make_ending(), facts=GROWN),
    "crowd-alert": about(AlertKind.CROWD, make_crowd_facts()),
    "crowd-alert-changed": about(AlertKind.CROWD, make_crowd_facts(over=2, against=0), edits=True),
    "crowd-alert-over": about(AlertKind.CROWD, make_crowd_facts(over=3), edits=True),
    "crowd-alert-many": about(AlertKind.CROWD, MANY),
    "follow-opened": about(AlertKind.FOLLOW, FollowFacts(make_event(), "whale", 7, None)),
    "follow-closed": about(AlertKind.FOLLOW, FollowFacts(make_close(), None, None, Rejection.NOT_AN_ENTRY)),
    "follow-rejected": about(
        AlertKind.FOLLOW, FollowFacts(make_event(is_late=True), None, None, Rejection.NOT_LISTED)
    ),
    "list-entered": about(AlertKind.LIST, ListFacts(LOSER, "whale", True, 7, 81.4, (), NOW_MS)),
    "list-left": about(
        AlertKind.LIST, ListFacts(LOSER, None, False, 700, 12.0, ("rank 700 is beyond 600",), NOW_MS)
    ),
    "digest": about(AlertKind.DIGEST, make_digest(time_zone="Europe/Berlin"), evidence=""),
    "digest-nothing": about(
        AlertKind.DIGEST,
        make_digest(
            published=0,
            told=0,
            held={},
            undelivered=0,
            ended=0,
            win_rate=None,
            mean_net_bps=None,
            placebo_mean_net_bps=None,
            lines=(),
            followed=(),
            moved=(),
        ),
    ),
    "digest-held": about(
        AlertKind.DIGEST,
        make_digest(is_regular=False, lines=make_digest().lines[:2], followed=(), moved=()),
    ),
    "health-begun": about(
        AlertKind.HEALTH,
        HealthFacts(
            Problem.FEED_DEAF,
            NOW_MS - 61_000,
            False,
            "Nothing was heard from the exchange for 1 min: no new trade makes an alert until it is back. "
            "Check the network; hyperfade doctor tells more.",
        ),
    ),
    "health-over": about(
        AlertKind.HEALTH,
        HealthFacts(
            Problem.FEED_DEAF,
            NOW_MS - 361_000,
            True,
            "The exchange is heard again; what was missed is filled in.",
        ),
    ),
    "request": about(AlertKind.REQUEST, RequestFacts("telegram:-100123/4", "Weekend traders", "77")),
    "request-let-in": about(AlertKind.REQUEST, RequestFacts("telegram:77", "Eve", "77", is_let_in=True)),
    "request-let-in-channel": about(
        AlertKind.REQUEST, RequestFacts("telegram:-1077", "News", None, is_let_in=True)
    ),
}
