"""Nobody is spoken to sooner than the platform allows."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.alerts import Channel, Target
from notifiers.pacing import FORGET_ABOVE, Limit, Limits, Pacer

LIMITS = Limits()


@dataclass
class Stopwatch:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def telegram(chat: object, thread: str = "") -> Target:
    return Target(Channel.TELEGRAM, str(chat), thread)


def send_all(pacer: Pacer, watch: Stopwatch, targets: list[Target]) -> list[float]:
    """Send to each in turn as soon as allowed and return when."""
    times = []
    for target in targets:
        watch.now += pacer.delay_s(target)
        assert pacer.delay_s(target) == 0
        pacer.note_sent(target)
        times.append(watch.now)
    return times


def most_in_a_window(times: list[float], limit: Limit) -> int:
    return max(sum(1 for other in times if start <= other < start + limit.window_s) for start in times)


@pytest.mark.parametrize(
    ("targets", "limit"),
    [
        ([telegram(7)], LIMITS.telegram_private),
        ([telegram(-100)], LIMITS.telegram_group),
        ([telegram("@channel")], LIMITS.telegram_group),
        ([telegram(-100, "1"), telegram(-100, "2")], LIMITS.telegram_group),
        ([telegram(chat) for chat in range(1, 90)], LIMITS.telegram_bot),
        ([Target(Channel.DISCORD, "5")], LIMITS.discord_channel),
        ([Target(Channel.DISCORD, str(channel)) for channel in range(120)], LIMITS.discord_bot),
        ([Target(Channel.WEBHOOK, "0a1b")], LIMITS.webhook),
        ([Target(Channel.WEBHOOK, "discord-0a1b")], LIMITS.discord_webhook),
        ([Target(Channel.APPRISE, "0a1b")], LIMITS.apprise),
    ],
)
def test_no_window_holds_more_than_its_limit(targets: list[Target], limit: Limit) -> None:
    watch = Stopwatch()
    times = send_all(Pacer(watch), watch, targets * (200 // len(targets) + 1))
    assert most_in_a_window(times, limit) == limit.messages


def test_private_chat_settles_at_one_a_second() -> None:
    watch = Stopwatch()
    times = send_all(Pacer(watch), watch, [telegram(7)] * 61)
    assert 58 <= times[-1] - times[0] <= 62


def test_slow_target_delays_no_other() -> None:
    watch = Stopwatch()
    pacer = Pacer(watch)
    send_all(pacer, watch, [telegram(-100)] * 20)
    assert pacer.delay_s(telegram(-100)) > 50
    assert pacer.delay_s(telegram(-200)) == 0
    assert pacer.delay_s(Target(Channel.DISCORD, "5")) == 0


def test_console_is_never_paced() -> None:
    watch = Stopwatch()
    pacer = Pacer(watch)
    for _ in range(1000):
        pacer.note_sent(Target(Channel.CONSOLE, "stdout"))
    assert pacer.delay_s(Target(Channel.CONSOLE, "stdout")) == 0


def test_discord_thread_is_a_channel_of_its_own() -> None:
    watch = Stopwatch()
    pacer = Pacer(watch)
    send_all(pacer, watch, [Target(Channel.DISCORD, "5", "6")] * 5)
    assert pacer.delay_s(Target(Channel.DISCORD, "5", "6")) > 4
    assert pacer.delay_s(Target(Channel.DISCORD, "5")) == 0


def test_silent_targets_are_forgotten_and_others_are_not() -> None:
    watch = Stopwatch()
    pacer = Pacer(watch)
    for chat in range(1, FORGET_ABOVE):
        pacer.note_sent(telegram(chat))
        watch.now += 0.1
    watch.now += 100
    send_all(pacer, watch, [telegram(-100)] * 20)
    for chat in range(1, 50):
        pacer.note_sent(telegram(-chat - 1000))
    assert len(pacer._sent) < 100
    assert pacer.delay_s(telegram(-100)) > 0


@given(st.lists(st.tuples(st.sampled_from([3, -4, -5, 6]), st.floats(0, 5)), max_size=80))
def test_limits_hold_whatever_the_order_and_the_pauses(sends: list[tuple[int, float]]) -> None:
    watch = Stopwatch()
    pacer = Pacer(watch)
    times: dict[int, list[float]] = {}
    for chat, pause in sends:
        watch.now += pause
        times.setdefault(chat, []).extend(send_all(pacer, watch, [telegram(chat)]))
    for chat, when in times.items():
        limit = LIMITS.telegram_group if chat < 0 else LIMITS.telegram_private
        assert most_in_a_window(when, limit) <= limit.messages


def test_a_platform_at_its_limit_says_so_before_anything_is_claimed() -> None:
    watch = Stopwatch()
    pacer = Pacer(watch)
    send_all(pacer, watch, [telegram(chat) for chat in range(1, 31)])
    assert 0 < pacer.channel_delay_s(Channel.TELEGRAM) <= 1.05
    assert pacer.channel_delay_s(Channel.DISCORD) == pacer.channel_delay_s(Channel.CONSOLE) == 0
    watch.now += 1.05
    assert pacer.channel_delay_s(Channel.TELEGRAM) == 0


def test_rates_are_those_of_the_limits_and_limits_are_chosen() -> None:
    pacer = Pacer(Stopwatch(), Limits(telegram_group=Limit(3, 60.0)))
    assert pacer.rate(telegram(-100)) == pytest.approx(0.05)
    assert pacer.rate(telegram(7)) == 1.0
    assert pacer.rate(Target(Channel.CONSOLE, "stdout")) is None
    assert (pacer.channel_rate(Channel.TELEGRAM), pacer.channel_rate(Channel.WEBHOOK)) == (30.0, None)
