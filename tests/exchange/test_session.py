"""A feed's conversation as moments in, messages out: no socket, no clock."""

import json

from hypothesis import given
from hypothesis import strategies as st

from exchange.session import SILENCE_MIN_FRAMES, FeedTiming, Session, spread
from exchange.wire.frames import PING, Ack, AckedSubscription, Subscription

TIMING = FeedTiming()
BTC = Subscription("trades", "BTC")
ETH = Subscription("trades", "ETH")
FAST = Subscription("fastAssetCtxs")


def session_of(*wanted: Subscription) -> Session:
    session = Session(TIMING, 100.0)
    session.want(wanted)
    return session


def sent(messages: list[bytes]) -> list[tuple[str, str]]:
    decoded = [json.loads(m) for m in messages if m != PING]
    return [(m["method"], m["subscription"].get("coin", "")) for m in decoded]


def ack(session: Session, subscription: Subscription, method: str = "subscribe") -> None:
    session.acked(Ack(method, AckedSubscription(subscription.type, subscription.coin or None)))


def test_it_begins_with_a_ping_and_the_subscriptions_in_order():
    session = session_of(FAST, BTC, ETH)
    messages = session.due(100.0, 5)
    assert messages[0] == PING
    assert sent(messages) == [("subscribe", ""), ("subscribe", "BTC"), ("subscribe", "ETH")]
    assert session.due(100.0, 5) == []
    assert not session.is_settled


def test_it_is_settled_when_all_are_acked():
    session = session_of(FAST, BTC)
    session.due(100.0, 5)
    ack(session, FAST)
    assert not session.is_settled
    ack(session, BTC)
    assert session.is_settled
    assert session.since_ms == {"BTC": 5}


def test_a_missing_ack_is_asked_for_again_and_then_given_up():
    session = session_of(BTC)
    assert sent(session.due(100.0, 5)) == [("subscribe", "BTC")]
    assert sent(session.due(109.9, 6)) == []
    assert sent(session.due(110.0, 7)) == [("subscribe", "BTC")]
    assert session.since_ms["BTC"] == 7
    assert sent(session.due(120.0, 8)) == [("subscribe", "BTC")]
    assert sent(session.due(130.0, 9)) == []
    assert session.refused() == [BTC]
    assert session.is_settled


def test_already_subscribed_is_as_good_as_an_ack():
    session = session_of(BTC)
    session.due(100.0, 5)
    is_news = session.errored('Already subscribed: {"type":"trades","coin":"BTC"}', 101.0)
    assert not is_news
    assert session.is_settled
    assert session.refused() == []


def test_an_invalid_subscription_is_refused_at_once():
    session = session_of(BTC, ETH)
    session.due(100.0, 5)
    assert session.errored('Invalid subscription {"type":"trades","coin":"ETH"}', 101.0)
    assert session.refused() == [ETH]
    assert sent(session.due(200.0, 5)) == [("subscribe", "BTC")]


def test_too_many_subscriptions_are_asked_for_again_after_a_pause():
    session = session_of(BTC)
    session.due(100.0, 5)
    told = [session.errored("Cannot subscribe to more than 1000 channels.", 101.0) for _ in range(3)]
    assert told == [True, False, False]
    assert sent(session.due(120.0, 5)) == []
    assert session.next_due(120.0) <= 131.0
    assert sent(session.due(131.0, 6)) == [("subscribe", "BTC")]


def test_what_is_no_longer_wanted_is_unsubscribed_once():
    session = session_of(BTC, ETH)
    session.due(100.0, 5)
    ack(session, BTC)
    ack(session, ETH)
    session.want([ETH])
    assert sent(session.due(101.0, 5)) == [("unsubscribe", "BTC")]
    assert sent(session.due(102.0, 5)) == []
    ack(session, BTC, "unsubscribe")
    session.want([ETH, BTC])
    assert sent(session.due(103.0, 9)) == [("subscribe", "BTC")]
    assert session.since_ms["BTC"] == 9


def test_what_is_wanted_back_while_it_leaves_is_asked_for_after_it_has_left():
    session = session_of(BTC)
    session.due(100.0, 5)
    ack(session, BTC)
    session.want([])
    session.due(101.0, 5)
    session.want([BTC])
    assert sent(session.due(102.0, 5)) == []
    ack(session, BTC, "unsubscribe")
    assert sent(session.due(103.0, 5)) == [("subscribe", "BTC")]


def test_an_ack_of_something_unknown_changes_nothing():
    session = session_of(BTC)
    session.due(100.0, 5)
    ack(session, ETH)
    assert not session.is_settled


def test_quiet_connections_are_pinged_in_time():
    session = session_of()
    assert PING in session.due(100.0, 0)
    assert PING not in session.due(119.0, 0)
    assert session.next_due(119.0) == 120.0
    assert PING in session.due(120.0, 0)


def test_a_ping_without_any_frame_after_it_is_death():
    session = session_of()
    session.due(100.0, 0)
    assert session.staleness(109.9) is None
    assert session.staleness(110.0) == "a ping got no answer"
    session.heard_at = 105.0
    assert session.staleness(110.0) is None


def test_the_moment_to_look_for_a_pong_is_due():
    session = session_of()
    session.due(100.0, 0)
    assert session.next_due(100.0) == 110.0


def test_pongs_do_not_hide_that_data_has_stopped():
    session = session_of(BTC)
    session.due(100.0, 0)
    for i in range(SILENCE_MIN_FRAMES):
        session.had_data(100.0 + i)
    last = 100.0 + SILENCE_MIN_FRAMES - 1
    session.heard_at = last + 29
    assert session.staleness(last + 29.0) is None
    session.heard_at = last + 31
    assert session.staleness(last + 31.0) == "no data, though pings are answered"


def test_a_link_of_rare_trades_may_be_silent_for_long():
    session = session_of(BTC)
    for i in range(SILENCE_MIN_FRAMES):
        session.had_data(100.0 + 60.0 * i)
    last = 100.0 + 60.0 * (SILENCE_MIN_FRAMES - 1)
    session.heard_at = last + 1000
    assert session.staleness(last + 1000.0) is None


def test_the_first_without_an_answer_is_suspected_when_the_connection_breaks():
    session = session_of(FAST, BTC, ETH)
    session.due(100.0, 0)
    assert session.suspect() is None  # nothing was heard at all: the server's fault
    session.heard_at = 101.0
    ack(session, FAST)
    assert session.suspect() == BTC


SUBS = st.lists(st.builds(Subscription, st.just("trades"), st.sampled_from("ABCDEFGHIJ")), unique=True)


@given(plans=st.lists(SUBS, max_size=6), per_link=st.integers(1, 4))
def test_spreading_moves_nothing_and_loses_nothing(plans, per_link):
    links: list[list[Subscription]] = []
    for wanted in plans:
        before = {s: i for i, link in enumerate(links) for s in link}
        links = spread(links, wanted, per_link)
        after = {s: i for i, link in enumerate(links) for s in link}
        assert sorted(after) == sorted(wanted)
        assert all(len(link) <= per_link for link in links)
        assert all(after[s] == i for s, i in before.items() if s in after)
