"""What may have arrived is repeated where the receiver knows repeats, or where silence is worse."""

import pytest

from core.model.alerts import AlertKind, Channel, Target
from core.model.market import DAY_MS
from core.services.delivery_policy import (
    FEW_TRIES,
    LONGEST_DOUBT_MS,
    LONGEST_UNSENT_MS,
    MOST_DOUBTS,
    NONCE_LIFE_MS,
    DeliveryPolicy,
    is_discord_webhook,
    why_pointless,
)
from tests.support.chat_facts import make_alert

POLICY = DeliveryPolicy()
DISCORD_HOOK = Target(Channel.WEBHOOK, "discord-0a1b2c3d4e")
SIGNED_HOOK = Target(Channel.WEBHOOK, "0a1b2c3d4e")
TELEGRAM, DISCORD = Target(Channel.TELEGRAM, "1"), Target(Channel.DISCORD, "1")
CONSOLE, APPRISE = Target(Channel.CONSOLE, "stdout"), Target(Channel.APPRISE, "0a1b")
KNOWS_NO_REPEATS = (TELEGRAM, APPRISE, DISCORD_HOOK)
OTHERS = tuple(kind for kind in AlertKind if kind is not AlertKind.EXIT)


@pytest.mark.parametrize("kind", OTHERS)
def test_nothing_but_exits_is_repeated_where_repeats_are_not_known(kind: AlertKind) -> None:
    for target in KNOWS_NO_REPEATS:
        assert not POLICY.repeats(make_alert(kind, target.channel, target=target), 0)


@pytest.mark.parametrize("kind", AlertKind)
def test_who_knows_repeats_gets_everything_again(kind: AlertKind) -> None:
    for target in (CONSOLE, SIGNED_HOOK):
        assert POLICY.repeats(make_alert(kind, target.channel, target=target), LONGEST_DOUBT_MS)
    assert POLICY.repeats(make_alert(kind, Channel.DISCORD), NONCE_LIFE_MS)


@pytest.mark.parametrize("kind", OTHERS)
def test_discord_gets_it_again_only_while_it_knows_the_nonce(kind: AlertKind) -> None:
    assert not POLICY.repeats(make_alert(kind, Channel.DISCORD), NONCE_LIFE_MS + 1)


def test_exits_and_changed_messages_are_repeated_everywhere() -> None:
    for target in (*KNOWS_NO_REPEATS, CONSOLE, SIGNED_HOOK, DISCORD):
        assert POLICY.repeats(make_alert(AlertKind.EXIT, target.channel, target=target), DAY_MS)
        changed = make_alert(AlertKind.UPDATE, target.channel, target=target, edits=True, reply_to="5")
        assert POLICY.repeats(changed, DAY_MS)


@pytest.mark.parametrize("kind", AlertKind)
@pytest.mark.parametrize("target", [*KNOWS_NO_REPEATS, CONSOLE, SIGNED_HOOK, DISCORD])
@pytest.mark.parametrize("edits", [True, False])
def test_nothing_is_repeated_for_ever(kind: AlertKind, target: Target, edits: bool) -> None:
    doubted = make_alert(kind, target.channel, target=target, edits=edits, doubts=MOST_DOUBTS - 1)
    assert not POLICY.repeats(doubted, LONGEST_DOUBT_MS + 1)


@pytest.mark.parametrize(
    ("attempts", "age_ms", "expires_ms", "gives_up"),
    [
        (FEW_TRIES, LONGEST_UNSENT_MS + 1, None, True),
        (FEW_TRIES - 1, LONGEST_UNSENT_MS + 1, None, False),
        (10**6, LONGEST_UNSENT_MS, None, False),
        (10**6, 10**12, 2 * 10**12, False),
    ],
)
def test_what_is_surely_unsent_is_given_up_after_days_and_some_tries(
    attempts: int, age_ms: int, expires_ms: int | None, gives_up: bool
) -> None:
    alert = make_alert(AlertKind.EXIT, Channel.WEBHOOK, attempts=attempts, expires_ms=expires_ms)
    assert POLICY.gives_up(alert, alert.created_ms + age_ms) is gives_up


def test_the_kinds_are_a_choice() -> None:
    policy = DeliveryPolicy(frozenset({AlertKind.ENTRY}))
    assert policy.repeats(make_alert(AlertKind.ENTRY, Channel.TELEGRAM), 0)
    assert not policy.repeats(make_alert(AlertKind.EXIT, Channel.TELEGRAM), 0)


@pytest.mark.parametrize(
    ("target", "reply_to", "is_told"),
    [
        (TELEGRAM, "5", True),
        (TELEGRAM, None, False),
        (DISCORD, "5", True),
        (DISCORD, None, False),
        (DISCORD_HOOK, "5", True),
        (DISCORD_HOOK, None, False),
        (SIGNED_HOOK, None, True),
        (CONSOLE, "5", False),
        (APPRISE, "5", False),
    ],
)
def test_a_change_goes_only_where_something_can_be_changed(
    target: Target, reply_to: str | None, is_told: bool
) -> None:
    change = make_alert(AlertKind.UPDATE, target.channel, target=target, edits=True, reply_to=reply_to)
    assert (why_pointless(change) is None) is is_told
    assert why_pointless(make_alert(AlertKind.ENTRY, target.channel, target=target)) is None


def test_discord_webhooks_are_known_by_their_name() -> None:
    assert is_discord_webhook(DISCORD_HOOK)
    assert not is_discord_webhook(SIGNED_HOOK)
    assert not is_discord_webhook(Target(Channel.APPRISE, "discord-0a1b"))
