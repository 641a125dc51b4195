"""Messages about a chat's own wishes and alerts, for ``test_golden.py``."""

from collections.abc import Callable
from dataclasses import replace
from datetime import time
from decimal import Decimal
from typing import Any

from core.chat_answers import NEWEST_MISSED
from core.model.alerts import AlertKind, Channel, DeliveryState, Target
from core.model.chat_answers import Filter, Filtered, MineAnswer, OwnEntry, OwnMiss, WhyAnswer
from core.model.chats import (
    Chat,
    ChatSettings,
    DigestPeriod,
    Follow,
    HeldBecause,
    Loudness,
    QuietHours,
    Role,
    Subscription,
)
from core.model.market import DAY_MS, HOUR_MS, Address, Coin, Direction
from core.model.opportunities import Rejection
from core.model.outcomes import HorizonScore
from core.model.positions import EventKind
from messages.render import render_answer
from tests.support.chat_facts import EVIDENCE, LOSER, NO_SCORE, NOW_MS, make_opportunity, make_score
from tests.support.facts import a_decision, an_event

Message = Callable[[Channel], str]

WHALE = Address("0x" + "cd" * 20)
BTC = Coin("BTC")
HOSTILE = "</b><i>@everyone\u202e " + "x" * 300

SETTINGS = ChatSettings(
    loudness={AlertKind.LIST: Loudness.OFF, AlertKind.EXIT: Loudness.OFF, AlertKind.DIGEST: Loudness.SILENT},
    quiet=QuietHours(time(22), time(7)),
    time_zone="America/New_York",
    hourly_cap=6,
    digest=DigestPeriod.DAILY,
    digest_hour=8,
)
KINDS = tuple(
    (kind.value, SETTINGS.loudness_of(kind).value)
    for kind in (
        AlertKind.ENTRY,
        AlertKind.EXIT,
        AlertKind.UPDATE,
        AlertKind.CROWD,
        AlertKind.FOLLOW,
        AlertKind.LIST,
        AlertKind.HEALTH,
    )
)
TOLD: dict[str, Any] = {
    "settings": SETTINGS,
    "kinds": KINDS,
    "is_quiet_now": True,
    "quiet_changes_ms": NOW_MS - 184_000,
    "zone": "America/New_York",
    "now_ms": NOW_MS,
}
PLAIN: dict[str, Any] = {
    "settings": ChatSettings(),
    "kinds": tuple((kind, ChatSettings().loudness_of(AlertKind(kind)).value) for kind, _ in KINDS[:-1]),
    "is_quiet_now": False,
    "quiet_changes_ms": None,
    "zone": "UTC",
    "now_ms": NOW_MS,
    "follows": (),
    "mutes": (),
    "is_nameless": False,
}
FOLLOWS = (Follow(LOSER, "big whale"), Follow(WHALE, None))
MUTES = (
    ("all", None, NOW_MS + 60_000),
    ("BTC", None, NOW_MS + 4 * HOUR_MS),
    (LOSER, "big whale", NOW_MS + DAY_MS),
)
SUBSCRIPTIONS = (
    Subscription(None, side=Direction.LONG),
    Subscription(BTC, 10_000.0, 60.0, Direction.SHORT),
)

FIGURES: dict[Rejection, dict[str, Any]] = {
    Rejection.NOT_AN_ORDER: {"cause": "twap"},
    Rejection.INCREASE_TOO_SMALL: {"increase": 0.312, "min_increase": 0.5},
    Rejection.NOTIONAL_BELOW_FLOOR: {"taken_usd": 3_120.4, "min_notional_usd": 5_000.0},
    Rejection.TOO_OLD: {"age_s": 74.2, "max_age_s": 30.0},
    Rejection.COOLDOWN: {"since_last_s": 61.0, "cooldown_s": 300.0},
    Rejection.OPPOSED: {"own_badness": 61.2, "opposing_badness": 133.0},
    Rejection.BOOK_UNKNOWN: {"book_problem": "no answer in time"},
    Rejection.SPREAD_TOO_WIDE: {"spread_bps": 14.31, "max_spread_bps": 10.0},
    Rejection.DEPTH_TOO_THIN: {"depth_usd": 812.0, "min_depth_usd": 2_000.0},
}


def rejected(nth: int, rejection: Rejection, **changes: Any) -> Any:
    """Return the nth decision that a rule made, a minute before the one before."""
    kinds = (EventKind.OPEN, EventKind.FLIP, EventKind.INCREASE)
    event = an_event(
        account=LOSER,
        coin=BTC,
        kind=kinds[nth % 3],
        time_ms=NOW_MS - 60_000 * nth,
        notional_usd=Decimal(6_000 + nth * 100),
        **changes,
    )
    return a_decision(
        decision_id=str(nth),
        event=event,
        rejection=rejection,
        figures=FIGURES.get(rejection, {}),
        opportunity=None,
    )


def miss(held: HeldBecause | None, state: DeliveryState | None, filtered: Filtered | None) -> OwnMiss:
    """Return a published opportunity that the chat didn't get."""
    entry = OwnEntry("K7Q2", state, held, NOW_MS, None) if state is not None else None
    return OwnMiss(make_opportunity(), entry, filtered)


MISSED = (
    miss(HeldBecause.MUTED, DeliveryState.HELD, None),
    miss(HeldBecause.QUIET, DeliveryState.HELD, None),
    miss(HeldBecause.CAP, DeliveryState.HELD, None),
    miss(HeldBecause.OFF, DeliveryState.HELD, None),
    miss(None, DeliveryState.UNKNOWN, None),
    miss(None, DeliveryState.DEAD, None),
    miss(None, DeliveryState.EXPIRED, None),
    miss(None, None, None),
    miss(None, None, Filtered(Filter.COIN, None)),
    miss(None, None, Filtered(Filter.SIDE, Subscription(BTC, side=Direction.LONG))),
    miss(None, None, Filtered(Filter.MIN_USD, Subscription(BTC, 50_000.0))),
    miss(None, None, Filtered(Filter.MIN_BADNESS, Subscription(BTC, 0.0, 90.0))),
)

WHY = WhyAnswer(
    as_of_ms=NOW_MS,
    since_ms=NOW_MS - DAY_MS,
    coin=BTC,
    account=None,
    published=15,
    stopped={Rejection.MAKER: 41, Rejection.NOTIONAL_BELOW_FLOOR: 12, Rejection.TOO_OLD: 1},
    items=tuple(
        rejected(nth, rejection)
        for nth, rejection in enumerate((Rejection.MAKER, Rejection.NOTIONAL_BELOW_FLOOR, Rejection.TOO_OLD))
    ),
    told=2,
    on_the_way=1,
    missed=MISSED,
)
EVERY_RULE = replace(
    WHY,
    account=LOSER,
    published=12,
    told=0,
    on_the_way=0,
    stopped={rejection: nth for nth, rejection in enumerate(Rejection, start=1)},
    items=tuple(rejected(nth, rejection) for nth, rejection in enumerate(Rejection)),
)
NOTHING = replace(WHY, published=0, stopped={}, items=(), told=0, on_the_way=0, missed=())

MINE = MineAnswer(
    as_of_ms=NOW_MS,
    since_ms=NOW_MS - 30 * DAY_MS,
    published=120,
    told=43,
    on_the_way=1,
    live=2,
    held={HeldBecause.MUTED: 9, HeldBecause.QUIET: 30, HeldBecause.CAP: 4, HeldBecause.OFF: 1},
    held_lost=5,
    undelivered={DeliveryState.UNKNOWN: 1, DeliveryState.DEAD: 2, DeliveryState.EXPIRED: 3},
    lost={
        AlertKind.EXIT: {DeliveryState.UNKNOWN: 1, DeliveryState.DEAD: 1},
        **{
            kind: {DeliveryState.DEAD: 1}
            for kind in (
                AlertKind.FOLLOW,
                AlertKind.LIST,
                AlertKind.DIGEST,
                AlertKind.HEALTH,
                AlertKind.REQUEST,
            )
        },
    },
    at_exit=HorizonScore(None, make_score(), make_score(n=400, wins=190, win_rate=0.475, mean_net_bps=-9.1)),
    delay_p50_ms=740,
    delay_p95_ms=3_900,
    evidence=EVIDENCE,
)
MINE_NOTHING = replace(
    MINE,
    published=0,
    told=0,
    on_the_way=0,
    live=0,
    held={},
    held_lost=0,
    undelivered={},
    lost={},
    at_exit=HorizonScore(None, NO_SCORE, NO_SCORE),
    delay_p50_ms=None,
    delay_p95_ms=None,
)
WAITING = tuple(
    Chat(Target(Channel.TELEGRAM, f"-10{n}", "4" if n else ""), Role.PENDING, title, None, (), asked_by=asked)
    for n, (title, asked) in enumerate((("Eve <eve>", "77"), (HOSTILE, None)))
)


def answer(name: str, value: object, **facts: Any) -> Message:
    return lambda channel: render_answer(channel, name, value, **facts)


def menu(part: str, **changes: Any) -> Message:
    return answer("settings_menu", None, part=part, **{**TOLD, **changes})


WISHES: dict[str, Message] = {
    "subscriptions": answer(
        "subscriptions",
        None,
        note="Subscribed.",
        subscriptions=SUBSCRIPTIONS,
        follows=FOLLOWS,
        mutes=MUTES,
        is_nameless=False,
        **TOLD,
    ),
    "subscriptions-none": answer("subscriptions", None, note="", subscriptions=(), **PLAIN),
    "subscriptions-in-a-channel": answer(
        "subscriptions", None, note="", subscriptions=(), **{**PLAIN, "is_nameless": True}
    ),
    "subscriptions-hostile": answer(
        "subscriptions",
        None,
        note="",
        subscriptions=(),
        **{**PLAIN, "follows": (Follow(LOSER, HOSTILE),), "mutes": ((LOSER, HOSTILE, NOW_MS + DAY_MS),)},
    ),
    "follows": answer(
        "follows", None, note="Followed. Whatever they trade is told here.", follows=FOLLOWS, first=1, total=2
    ),
    "follows-second-page": answer("follows", None, note="", follows=FOLLOWS, first=9, total=10),
    "follows-none": answer("follows", None, note="", follows=(), first=1, total=0),
    "mutes": answer(
        "mutes", None, note="Muted.", mutes=MUTES, zone="America/New_York", now_ms=NOW_MS, first=1, total=3
    ),
    "mutes-second-page": answer(
        "mutes", None, note="", mutes=MUTES, zone="UTC", now_ms=NOW_MS, first=9, total=20
    ),
    "mutes-none": answer(
        "mutes", None, note="That wasn't muted.", mutes=(), zone="UTC", now_ms=NOW_MS, first=1, total=0
    ),
    "settings": answer("settings", None, note="Changed.", **TOLD),
    "settings-untouched": answer("settings", None, note="", **PLAIN),
    "settings-held-unheard": answer(
        "settings",
        None,
        note="",
        **{
            **TOLD,
            "settings": replace(SETTINGS, digest=DigestPeriod.OFF, time_zone="Asia/Kathmandu"),
            "is_quiet_now": False,
        },
    ),
    **{f"settings-{part}": menu(part) for part in ("quiet", "zone", "cap", "digest")},
    **{
        f"settings-{kind.value}": menu(kind.value)
        for kind in (AlertKind.ENTRY, AlertKind.EXIT, AlertKind.UPDATE, AlertKind.CROWD)
    },
    **{
        f"settings-{kind.value}": menu(kind.value)
        for kind in (AlertKind.FOLLOW, AlertKind.LIST, AlertKind.HEALTH)
    },
    "why": answer("why", WHY, title="BTC", missed=MISSED[:NEWEST_MISSED]),
    "why-every-rule": answer("why", EVERY_RULE, title="0x12ab…34ef", missed=MISSED),
    "why-nothing": answer("why", NOTHING, title="BTC", missed=()),
    "mine": answer("mine", MINE, title="30d"),
    "mine-nothing": answer("mine", MINE_NOTHING, title="all time"),
    "pending": answer("pending", None, note="Bob (telegram:5) is let in.", waiting=WAITING, shown=1),
    "pending-none": answer("pending", None, note="", waiting=(), shown=5),
    "stop": answer("stop", None, is_last_owner=False, is_declined=False),
    "stop-last-owner": answer("stop", None, is_last_owner=True, is_declined=False),
    "stop-declined": answer("stop", None, is_last_owner=False, is_declined=True),
    "goodbye": answer("goodbye", None, is_declined=False),
    "goodbye-declined": answer("goodbye", None, is_declined=True),
}
