"""Every message as people read it, beside a file that a person has read.

``HYPERFADE_WRITE_GOLDEN=1 pytest tests/messages/test_golden.py`` writes them anew: read the diff.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.commands import Commands
from core.model.alerts import AlertKind, Channel
from core.model.chats import Subscription
from core.model.market import Coin
from core.model.notices import DigestLine, MergedFacts
from core.model.outcomes import Interval
from core.model.traders import BadnessPart, Horizon, Markout, Part
from messages.environments import SUFFIXES
from messages.limits import TELEGRAM_TABLE_COLUMNS, room_left
from messages.render import render_alert, render_answer
from tests.messages.golden_alerts import ALERTS
from tests.messages.golden_wishes import WISHES
from tests.support.chat_desk import make_commands
from tests.support.chat_facts import (
    LOSER,
    NO_SCORE,
    NOW_MS,
    make_alert,
    make_crowd,
    make_ending,
    make_figures,
    make_losers,
    make_opportunities,
    make_opportunity,
    make_performance,
    make_score,
    make_standing,
    make_status,
    make_stranger,
    make_trader,
)

GOLDEN = Path(__file__).parent / "golden"


def bare_entry(channel: Channel) -> str:
    """Return an entry about which little is known, found late in a rehearsal, sent twice."""
    opportunity = make_opportunity(
        is_rehearsal=True,
        is_late=True,
        rank=None,
        badness=None,
        record="",
        reasons=("This account (rehearsal: every account counts as listed) flipped to long as a taker.",),
        trigger="flip",
        reference_source="last_trade",
        drift_bps=-4.2,
        stop_px=None,
        target_px=None,
        edge_bps=None,
        edge_low_bps=None,
        edge_high_bps=None,
        edge_n=0,
        funding_bps_per_hour=None,
        crowd=None,
        gates_passed_unchecked=("spread", "depth"),
    )
    return render_alert(make_alert(AlertKind.ENTRY, channel, opportunity=opportunity, is_repeat=True), NOW_MS)


def late_exit(channel: Channel) -> str:
    """Return an exit without a price, sent again ten minutes later."""
    ending = make_ending(exit_px=None, gross_bps=None, net_bps=None)
    alert = make_alert(AlertKind.EXIT, channel, ending=ending, is_repeat=True, reply_to="77")
    return render_alert(alert, NOW_MS + 600_000)


def alert(kind: AlertKind) -> Callable[[Channel], str]:
    return lambda channel: render_alert(make_alert(kind, channel), NOW_MS)


def answer(name: str, value: object, **facts: Any) -> Callable[[Channel], str]:
    return lambda channel: render_answer(channel, name, value, **facts)


def commands() -> Commands:
    return make_commands()[0]


SUBSCRIPTIONS = (Subscription(None), Subscription(Coin("BTC"), 10_000.0, 60.0))

LIST: dict[str, Any] = {"now_ms": NOW_MS, "sort": "badness", "horizon": Horizon.H1}
CARD: dict[str, Any] = {"now_ms": NOW_MS, "own_label": None, "markouts": (), "parts": ()}
SCORE: dict[str, Any] = {"loser": None, "curve_from": 5}
MARKOUTS = (
    Markout(Horizon.M5, 41, -1.25, -1.5, 2.0, 12),
    Markout(Horizon.H1, 41, -14.2, -12.3, 7.9, 12),
    Markout(Horizon.H24, 3, None, None, None, 2),
)
PARTS = (
    BadnessPart(Part.PNL_PCT, -45.6, 0.97, 0.25, 210),
    BadnessPart(Part.TOTAL_LOSSES, 212_000.0, 0.99, 0.15, 210),
    BadnessPart(Part.FADE_EDGE, 12.3, 0.81, 0.3, 41, -3.1, 28.0),
    BadnessPart(Part.EXPECTANCY, None, None, 0.2, 0),
)


def merged(count: int) -> Callable[[Channel], str]:
    """Return entries told together, every third of them over already."""
    lines = tuple(
        DigestLine(
            make_opportunity(
                short_id=f"{n:04d}", event_ms=NOW_MS - 20_000 * n, coin=Coin("BTC" if n % 2 else "kPEPE")
            ),
            None,
            None if n % 3 else "loser_closed",
            None,
        )
        for n in range(1, count + 1)
    )

    def render(channel: Channel) -> str:
        alert = make_alert(AlertKind.MERGED, channel, opportunity=None, facts=MergedFacts(lines))
        return render_alert(alert, NOW_MS)

    return render


MESSAGES: dict[str, Callable[[Channel], str]] = {
    "entry": alert(AlertKind.ENTRY),
    "entry-little-known": bare_entry,
    "exit": alert(AlertKind.EXIT),
    "exit-late": late_exit,
    "test": alert(AlertKind.TEST),
    "merged": merged(4),
    "merged-many": merged(200),
    "losers": answer("losers", make_losers(12), **LIST, title=""),
    "losers-by-loss": answer("losers", make_losers(2), **{**LIST, "sort": "loss"}, title="by loss"),
    "losers-by-markout": answer(
        "losers",
        make_losers(1, items=(make_standing(figures=make_figures(markouts=MARKOUTS)), make_standing(8))),
        **{**LIST, "sort": "markout"},
        title="by markout",
    ),
    "losers-second-page": answer("losers", make_losers(5, first=16, total=500, listed=500), **LIST, title=""),
    "losers-by-pnl": answer("losers", make_losers(2), **LIST, title="BTC, by pnl"),
    "losers-none": answer("losers", make_losers(0), **LIST, title=""),
    "losers-too-old": answer("losers", make_losers(0, as_of_ms=None, earliest_ms=NOW_MS), **LIST, title=""),
    "losers-demo": answer("losers", make_losers(2), **LIST, title="", is_demo=True),
    "exit-demo": lambda channel: render_alert(make_alert(AlertKind.EXIT, channel, is_demo=True), NOW_MS),
    "losers-not-ranked": answer("losers", make_losers(0, as_of_ms=None), **LIST, title=""),
    "trader": answer("trader", make_trader(), **CARD),
    "trader-in-full": answer(
        "trader",
        make_trader(
            standing=make_standing(label="leader-1", figures=make_figures(markouts=MARKOUTS, truncated=2))
        ),
        **{**CARD, "own_label": "my whale", "markouts": MARKOUTS, "parts": PARTS},
    ),
    "trader-not-eligible": answer("trader", make_stranger(), **CARD),
    "trader-unknown": answer(
        "trader",
        make_trader(standing=None, as_of_ms=None, positions=(), recent_trips=(), by_coin=(), faded=NO_SCORE),
        **CARD,
    ),
    "opportunities": answer(
        "opportunities",
        make_opportunities(),
        now_ms=NOW_MS,
        title="",
        recent=make_opportunities().recent,
        first=1,
        total=1,
    ),
    "opportunities-second-page": answer(
        "opportunities", make_opportunities(), now_ms=NOW_MS, title="BTC", recent=(), first=11, total=11
    ),
    "performance": answer("performance", make_performance(), **SCORE, title="30d"),
    "performance-of-a-loser": answer(
        "performance",
        make_performance(at_exit=make_performance().at_exit.__class__(None, make_score(n=3), NO_SCORE)),
        **{**SCORE, "loser": LOSER},
        title="all time",
    ),
    "performance-intervals": answer(
        "performance",
        make_performance(
            rehearsal=True,
            at_exit=make_performance().at_exit.__class__(
                None, make_score(mean_interval=Interval(-1.2, 7.4), missing=0), NO_SCORE
            ),
            by_coin=(),
            delays=(),
        ),
        **SCORE,
        title="all time, BTC",
    ),
    "performance-nothing-ended": answer(
        "performance",
        make_performance(at_exit=make_performance().at_exit.__class__(None, NO_SCORE, NO_SCORE)),
        **SCORE,
        title="7d",
    ),
    "crowd": answer("crowd", make_crowd(), title="", first=1, total=2),
    "crowd-second-page": answer("crowd", make_crowd(), title="", first=11, total=12),
    "status": answer("status", make_status()),
    "status-stopped": answer(
        "status", make_status(is_running=False, seen_ms=NOW_MS - 180_000, reading=None, watched=0)
    ),
    "status-before-start": answer(
        "status",
        make_status(
            is_running=False,
            started_ms=None,
            seen_ms=None,
            reading=None,
            ranking_as_of_ms=None,
            last_trade_ms=None,
            outbox={},
            oldest_pending_ms=None,
            requests_today=0,
            request_errors_today=0,
            error_rate_7d=None,
            listed=0,
            population=0,
        ),
    ),
    "help": lambda channel: render_answer(channel, "help", None, commands=commands().commands),
    "start": answer("start", None, claimed=False, is_nameless=False, subscriptions=()),
    "start-in-a-channel": answer("start", None, claimed=False, is_nameless=True, subscriptions=()),
    "start-claimed": answer("start", None, claimed=True, is_nameless=False, subscriptions=SUBSCRIPTIONS),
    **ALERTS,
    **WISHES,
    "whoami": answer("whoami", None, target="telegram:42", role="owner", user_id="telegram:7"),
    "notice": answer("notice", "'BTX' is not a listed coin: did you mean BTC?"),
}


@pytest.mark.parametrize("channel", list(SUFFIXES))
@pytest.mark.parametrize("name", list(MESSAGES))
def test_message_reads_as_in_its_golden_file(name: str, channel: Channel) -> None:
    text = MESSAGES[name](channel) + "\n"
    path = GOLDEN / channel / f"{name}.{SUFFIXES[channel]}"
    if os.environ.get("HYPERFADE_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("channel", list(SUFFIXES))
@pytest.mark.parametrize("name", list(MESSAGES))
def test_message_fits_its_platform(name: str, channel: Channel) -> None:
    assert room_left(channel, MESSAGES[name](channel)) >= 0


def test_no_golden_file_is_left_over() -> None:
    there = {path.stem for path in GOLDEN.glob("*/*")}
    assert there == set(MESSAGES)


@pytest.mark.parametrize("name", list(MESSAGES))
def test_tables_fit_on_a_phone(name: str) -> None:
    for block in MESSAGES[name](Channel.TELEGRAM).split("<pre>")[1:]:
        for line in block.partition("</pre>")[0].splitlines():
            assert len(line) <= TELEGRAM_TABLE_COLUMNS, line
