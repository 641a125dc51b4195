"""Nobody is spoken to sooner than the platform allows."""

from contextlib import ExitStack
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.alerts import Channel, Target
from notifiers.pacing import FORGET_ABOVE, FULL_S, Limit, Limits, Pacer

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
        with pacer.sending(target):
            pass
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
        with pacer.sending(Target(Channel.CONSOLE, "stdout")):
            pass
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
        with pacer.sending(telegram(chat)):
            pass
        watch.now += 0.1
    watch.now += 100
    send_all(pacer, watch, [telegram(-100)] * 20)
    for chat in range(1, 50):
        with pacer.sending(telegram(-chat - 1000)):
            pass
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


def test_what_is_on_its_way_counts_already() -> None:
    """Fifty who ask at once, each before the others' messages are out, must not all be told yes."""
    watch = Stopwatch()
    pacer = Pacer(watch)
    with ExitStack() as on_their_way:
        for chat in range(1, 31):
            assert pacer.room(Channel.TELEGRAM) == 31 - chat
            assert pacer.delay_s(telegram(chat)) == 0
            on_their_way.enter_context(pacer.sending(telegram(chat)))
        assert pacer.room(Channel.TELEGRAM) == 0
        assert pacer.delay_s(telegram(99)) == pacer.channel_delay_s(Channel.TELEGRAM) == FULL_S
        watch.now += 7.0
        assert pacer.delay_s(telegram(99)) == FULL_S
    assert pacer.delay_s(telegram(99)) == pytest.approx(1.05)
    assert pacer.room(Channel.CONSOLE) is None


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60), st.integers(0, 2**31))
def test_wherever_between_going_out_and_answer_they_arrive_no_window_holds_more(
    latencies: list[float], seed: int
) -> None:
    """One sender after the other starts as soon as allowed, and answers come in any order."""
    watch, rng = Stopwatch(), Random(seed)
    pacer = Pacer(watch, Limits(telegram_bot=Limit(4, 1.0)))
    ends: list[tuple[float, int, ExitStack]] = []
    arrivals = []

    def let_end(until: float) -> None:
        while ends and ends[0][0] <= until:
            at, _, stack = heappop(ends)
            watch.now = at
            stack.close()
        watch.now = until

    for chat, latency in enumerate(latencies, start=1):
        while (wait := pacer.delay_s(telegram(chat))) > 0:
            let_end(watch.now + wait)
        stack = ExitStack()
        stack.enter_context(pacer.sending(telegram(chat)))
        arrivals.append(watch.now + rng.random() * latency)
        heappush(ends, (watch.now + latency, chat, stack))
    let_end(watch.now + 9.0)
    assert most_in_a_window(arrivals, Limit(4, 1.0)) <= 4
