"""Facts of the alerts that are about something else than one opportunity, with any name in them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from core.model.alerts import Alert, AlertKind, Channel
from core.model.market import HOUR_MS, Address, Coin, Direction, Side
from core.model.notices import (
    CrowdFacts,
    DigestFacts,
    DigestLine,
    Facts,
    FollowFacts,
    Growth,
    HealthFacts,
    ListFacts,
    MergedFacts,
    Problem,
    RequestFacts,
)
from core.model.opportunities import Opportunity, Rejection
from core.model.positions import Cause, EventKind, PositionEvent
from tests.support.chat_facts import EVIDENCE, LOSER, NOW_MS, make_alert, make_ending, make_opportunity

HEAD = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SECOND = Address("0x34cd" + "0" * 32 + "56ab")
THIRD = Address("0x78ef" + "0" * 32 + "90cd")


def make_members(coin: str = "BTC", **changes: Any) -> tuple[Opportunity, ...]:
    """Return three losers' opportunities, four minutes apart."""
    return tuple(
        make_opportunity(
            opportunity_id=f"{short}AAAAAAAAAAAAAAAAAAAAAA",
            short_id=short,
            loser=loser,
            rank=rank,
            badness=badness,
            coin=Coin(coin),
            event_ms=NOW_MS - 2_400 - ago_ms,
            published_ms=NOW_MS - 1_100 - ago_ms,
            loser_notional_usd=usd,
            **changes,
        )
        for short, loser, rank, badness, ago_ms, usd in (
            ("QBE3", SECOND, 176, 22.0, 480_000, 8_400.0),
            ("M4TX", THIRD, 31, 68.4, 240_000, 112_000.0),
            ("K7Q2", LOSER, 7, 81.4, 0, 25_300.0),
        )
    )


def make_crowd_facts(coin: str = "BTC", *, over: int = 0, against: int = 1, **changes: Any) -> CrowdFacts:
    """Return a crowd of three, the first so many over, and who opposes it."""
    members = make_members(coin, **changes)
    opposing = make_opportunity(
        short_id="ZZ42", side=Direction.LONG, badness=44.0, coin=Coin(coin), **changes
    )
    return CrowdFacts(
        Coin(coin),
        Direction.SHORT,
        members[0].published_ms,
        members,
        (opposing,) * against,
        tuple(make_ending(opportunity_id=one.opportunity_id) for one in members[:over]),
    )


def make_event(account: str = LOSER, coin: str = "BTC", **changes: Any) -> PositionEvent:
    """Return the opening of 0.394 long by a taker."""
    event = PositionEvent(
        account=Address(account),
        coin=Coin(coin),
        kind=EventKind.OPEN,
        cause=Cause.ORDER,
        side=Side.BUY,
        time_ms=NOW_MS - 4_200,
        last_ms=NOW_MS - 3_900,
        seq=0,
        first_tid=1,
        before=Decimal(0),
        after=Decimal("0.394"),
        sz=Decimal("0.394"),
        notional_usd=Decimal("25298.74"),
        taker_notional_usd=Decimal("25298.74"),
        fills=3,
    )
    return replace(event, **changes)


def make_close(**changes: Any) -> PositionEvent:
    """Return the loss-making close of that position."""
    values: dict[str, Any] = {
        "kind": EventKind.CLOSE,
        "side": Side.SELL,
        "before": Decimal("0.394"),
        "after": Decimal(0),
        "closed_pnl": Decimal("-812.4"),
    }
    return make_event(**(values | changes))


def make_digest(text: str = "", **changes: Any) -> DigestFacts:
    """Return a busy day: two held, two told, one event of a followed trader and one change of the list."""
    coin, name = Coin(text or "BTC"), text or "whale"
    first = make_opportunity(coin=coin)
    lines = (
        DigestLine(replace(first, short_id="AAA1"), None, None, "quiet"),
        DigestLine(replace(first, short_id="AAA2"), 12.4, "loser_closed", "cap"),
        DigestLine(replace(first, short_id="BBB1"), 63.0, "target", None),
        DigestLine(replace(first, short_id="BBB2"), -88.2, "stop", None),
    )
    facts = DigestFacts(
        since_ms=NOW_MS - 24 * HOUR_MS,
        until_ms=NOW_MS,
        published=41,
        told=12,
        held={"quiet": 1, "cap": 1},
        undelivered=1,
        ended=38,
        win_rate=0.447,
        mean_net_bps=-3.2,
        placebo_mean_net_bps=-4.1,
        lines=lines,
        evidence=text or EVIDENCE,
        ledger_head=HEAD,
        ledger_entries=812,
        followed=(FollowFacts(make_event(coin=coin), name, None, Rejection.NOT_LISTED),),
        moved=(ListFacts(LOSER, name, False, 700, 12.0, (text or "rank 700 is beyond 600",), NOW_MS),),
    )
    return replace(facts, **changes)


def make_facts(kind: AlertKind, text: str) -> Facts | None:
    """Return facts of a kind in which every foreign string is this one."""
    match kind:
        case AlertKind.UPDATE:
            return Growth("K7Q2AAAAAAAAAAAAAAAAAAAAAA", Decimal("64215.5"), 40_000.0, NOW_MS)
        case AlertKind.CROWD:
            return make_crowd_facts(text, over=1, record=text, trigger=text, reasons=(text,))
        case AlertKind.FOLLOW:
            return FollowFacts(make_event(text, text), text, 3, Rejection.MAKER)
        case AlertKind.LIST:
            return ListFacts(Address(text), text, False, 700, 12.0, (text, text), NOW_MS)
        case AlertKind.DIGEST:
            return make_digest(text)
        case AlertKind.HEALTH:
            return HealthFacts(Problem.CHAT_OFF, NOW_MS - 180_000, False, text)
        case AlertKind.REQUEST:
            return RequestFacts(text, text, text)
        case AlertKind.MERGED:
            return MergedFacts(make_digest(text).lines)
        case AlertKind.ENTRY | AlertKind.EXIT | AlertKind.TEST:
            return None


def make_foreign(kind: AlertKind, channel: Channel, text: str, *, is_over: bool = False) -> Alert:
    """Return an alert of a kind in which every foreign string is this one."""
    is_about_one = kind in (AlertKind.ENTRY, AlertKind.UPDATE, AlertKind.EXIT, AlertKind.TEST)
    opportunity = make_opportunity(
        loser=Address(text), coin=Coin(text), record=text, reasons=(text, "fine"), trigger=text
    )
    alert = make_alert(
        kind,
        channel,
        opportunity=opportunity if is_about_one else None,
        facts=make_facts(kind, text),
        evidence=text,
    )
    return replace(alert, ending=make_ending()) if is_over else alert
