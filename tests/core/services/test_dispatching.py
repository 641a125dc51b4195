"""One table of failures, one policy: what was sent, what is tried again, what is given up, and who waits."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from random import Random
from typing import Any, Self

import pytest
from structlog.testing import capture_logs

from core.errors import (
    ChannelRefused,
    DeliveryError,
    MessageRefused,
    NotSent,
    OutcomeUnknown,
    StorageError,
    TargetGone,
    TargetMoved,
)
from core.model.alerts import Alert, AlertKind, Channel, Delivered, Target
from core.model.chats import Subscription
from core.model.notices import MergedFacts
from core.ports import Notifier, Pace
from core.services.delivery_policy import FEW_TRIES, LONGEST_UNSENT_MS, MOST_DOUBTS, NONCE_LIFE_MS
from core.services.dispatching import (
    LEASE_S,
    LONGEST_RETRY_S,
    LOOK_ROUND_MS,
    POLL_S,
    RECORD_TRIES,
    SEND_TIMEOUT_S,
    DispatchService,
)
from core.services.merging import PATIENCE_S
from core.trouble import SAID_AGAIN_MS
from notifiers.pacing import Limit, Limits, Pacer
from storage.database import Database
from storage.outbox import Outbox
from storage.reader import Reader
from storage.waker import Waker
from tests.support.detection_ports import HandClock, Sleeper
from tests.support.facts import MONDAY_MS
from tests.support.published import ANNA, BEN, CONSOLE, add_member, end, publish, silence_console

pytestmark = pytest.mark.asyncio
ALL = Subscription(None)
CARL = Target(Channel.TELEGRAM, "303")
Answer = DeliveryError | Delivered | Callable[[Alert], Awaitable[Delivered]]


class RecordedOutbox(Outbox):
    """The real outbox; remembers what dispatch wrote, and can be away for some calls."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.away: dict[str, int] = {}
        self.after_lease: Callable[[list[Alert]], Awaitable[None]] | None = None
        self.after_look: Callable[[], Awaitable[None]] | None = None
        self._changed = asyncio.Event()

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        watched = {"lease", "sending", "sent", "retry", "unknown", "dead", "expired", "release"}
        if name not in watched | {"recover", "hold_target", "disable_target", "move_target"}:
            return found

        async def recorded(*args: object, **more: object) -> object:
            if self.away.get(name):
                self.away[name] -= 1
                self._note(f"{name} failed", args)
                raise StorageError("the database is away")
            answer = await found(*args, **more)
            if name == "lease" and self.after_lease is not None:
                await self.after_lease(answer)
            self._note(name, args)
            return answer

        return recorded

    async def next_due_s(self) -> float | None:
        due_s = await super().next_due_s()
        if self.after_look is not None:
            await self.after_look()
        return due_s

    def _note(self, name: str, args: tuple[object, ...]) -> None:
        self.calls.append((name, args))
        self._changed.set()

    def count(self, name: str) -> int:
        return sum(called == name for called, _ in self.calls)

    async def saw(self, name: str, times: int = 1) -> tuple[object, ...]:
        """Return the last arguments of a call once it came so many times."""
        async with asyncio.timeout(20):
            while self.count(name) < times:
                self._changed.clear()
                await self._changed.wait()
        return [args for called, args in self.calls if called == name][-1]

    async def saw_any(self, *names: str, times: int) -> None:
        """Wait until these calls came so many times together."""
        async with asyncio.timeout(20):
            while sum(map(self.count, names)) < times:
                self._changed.clear()
                await self._changed.wait()


class ScriptedNotifier:
    """Answers as it is told, then accepts everything as message m1, m2 …"""

    def __init__(self, channel: Channel, *answers: Answer) -> None:
        self.channel = channel
        self.answers = deque(answers)
        self.tried: list[Alert] = []

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        self.tried.append(alert)
        answer = self.answers.popleft() if self.answers else Delivered(f"m{len(self.tried)}")
        if isinstance(answer, DeliveryError):
            raise answer
        return answer if isinstance(answer, Delivered) else await answer(alert)


class HandPace:
    """Makes nobody wait but those it is told to, once each."""

    def __init__(self) -> None:
        self.waits: dict[Target, float] = {}
        self.full: dict[Channel, float] = {}
        self.rates: dict[Target, float] = {}
        self.rooms: dict[Channel, int] = {}
        self.sent: list[Target] = []

    def delay_s(self, target: Target) -> float:
        return self.waits.pop(target, 0.0)

    def channel_delay_s(self, channel: Channel) -> float:
        return self.full.get(channel, 0.0)

    def rate(self, target: Target) -> float | None:
        return self.rates.get(target)

    def channel_rate(self, channel: Channel) -> float | None:
        return None

    def room(self, channel: Channel) -> int | None:
        return self.rooms.get(channel)

    @contextmanager
    def sending(self, target: Target) -> Iterator[None]:
        self.sent.append(target)
        yield


class DeafWaker:
    """Hears of nothing; counts how often a whole poll was waited for."""

    def __init__(self) -> None:
        self.ran_out = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def wait(self, timeout_s: float) -> None:
        await asyncio.sleep(timeout_s * 0.9)  # so that it ends before the dispatcher gives up
        self.ran_out += timeout_s >= POLL_S


class Post:
    """A dispatcher over a real database; its clock stands a second after the first publication."""

    def __init__(
        self,
        database: Database,
        *notifiers: ScriptedNotifier,
        waker: Waker | DeafWaker | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.database = database
        self.outbox = RecordedOutbox(database)
        self.pace = HandPace()
        self.clock = HandClock()
        self.clock.at_ms = MONDAY_MS + 2_000
        self.sleep = Sleeper()
        self.delivered: list[Alert] = []
        by_channel: dict[Channel, Notifier] = {one.channel: one for one in notifiers}
        self.waker = waker or Waker(database)
        self.service = DispatchService(
            self.outbox,
            by_channel,
            pace or self.pace,
            self.waker,
            self.clock,
            self.sleep,
            Random(7),
            "me",
            self.delivered.append,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.waker:
            task = asyncio.create_task(self.service.run())
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def counts(self) -> dict[str, int]:
        return {state: n for state, n in (await Reader(self.database).delivery_counts()).items() if n}

    async def waits_s(self, alert_id: int) -> float:
        """Return in how many seconds an alert may be tried again."""
        async with self.database.connection() as connection:
            found: float = await connection.fetchval(
                "select extract(epoch from not_before - clock_timestamp())::float8"
                " from outbox where alert_id = $1",
                alert_id,
            )
        return found

    async def hurry(self) -> None:
        """Let all that waits be due now, and tell the dispatcher."""
        async with self.database.connection() as connection:
            await connection.execute("update outbox set not_before = clock_timestamp()")
            await connection.execute("delete from target_holds")
            await connection.execute("select pg_notify('outbox', '')")


async def to_telegram(database: Database, *numbers: int) -> None:
    """Publish opportunities that only Anna hears of."""
    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await publish(database, *numbers or (1,))


async def to_discord(database: Database, *numbers: int) -> None:
    await silence_console(database)
    await add_member(database, BEN, ALL)
    await publish(database, *numbers or (1,))


# --- what is sent --------------------------------------------------------------------------------


async def test_what_is_sent_is_recorded_with_the_platforms_id(database: Database) -> None:
    await to_telegram(database)
    post = Post(database, ScriptedNotifier(Channel.TELEGRAM))
    async with post.running():
        args = await post.outbox.saw("sent")
    assert args[1:] == ("m1", MONDAY_MS + 2_000)
    assert await post.counts() == {"sent": 1}
    assert [alert.target for alert in post.delivered] == [ANNA]
    assert post.pace.sent == [ANNA]
    assert [name for name, _ in post.outbox.calls if name in ("sending", "sent")] == ["sending", "sent"]


async def test_an_exit_follows_its_entry_and_answers_it(database: Database) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM)
    post = Post(database, telegram)
    async with post.running():
        await post.outbox.saw("sent")
        await end(database, 1)
        await post.outbox.saw("sent", 2)
    assert [(alert.kind, alert.reply_to) for alert in telegram.tried] == [
        (AlertKind.ENTRY, None),
        (AlertKind.EXIT, "m1"),
    ]


async def test_order_holds_per_target(database: Database) -> None:
    await to_telegram(database, 1, 2, 3, 4)
    telegram = ScriptedNotifier(Channel.TELEGRAM, NotSent("refused"), NotSent("refused"))
    post = Post(database, telegram)
    async with post.running():
        for n in (1, 2):
            await post.outbox.saw("retry", n)
            await post.hurry()
        await post.outbox.saw("sent", 4)
    assert [alert.short_id for alert in telegram.tried] == ["0001"] * 3 + ["0002", "0003", "0004"]


async def test_a_slow_or_dead_target_holds_back_nobody_else(database: Database) -> None:
    never = asyncio.Event()

    async def hang(alert: Alert) -> Delivered:
        await never.wait()
        return Delivered(None)

    for target in (ANNA, BEN):
        await add_member(database, target, ALL)
    await publish(database, 1, 2)
    telegram, discord, console = (
        ScriptedNotifier(Channel.TELEGRAM, hang),
        ScriptedNotifier(Channel.DISCORD, *[NotSent("refused")] * 9),
        ScriptedNotifier(Channel.CONSOLE),
    )
    post = Post(database, telegram, discord, console)
    async with post.running():
        await post.outbox.saw("sent", 2)
        assert [alert.short_id for alert in console.tried] == ["0001", "0002"]
        assert [alert.target for alert in post.delivered] == [CONSOLE, CONSOLE]
        assert len(telegram.tried) == 1
        never.set()
        await post.outbox.saw("sent", 4)


# --- the table of failures -------------------------------------------------------------------------


async def test_surely_unsent_is_tried_again_with_jitter(database: Database) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM, NotSent("refused"))
    post = Post(database, telegram)
    async with post.running():
        _, error, delay_s = await post.outbox.saw("retry")
        assert error == "refused"
        assert isinstance(delay_s, float)
        assert 0.1 <= delay_s <= 1.0
        await post.hurry()
        await post.outbox.saw("sent")
    assert [alert.is_repeat for alert in telegram.tried] == [False, False]
    assert await post.counts() == {"sent": 1}
    assert post.outbox.count("hold_target") == 0


async def test_the_pauses_grow_to_five_minutes(database: Database) -> None:
    post = Post(database)
    ceilings = [max(post.service._backoff_s(n) for _ in range(200)) for n in (0, 1, 4, 12, 99)]
    assert [round(ceiling) for ceiling in ceilings] == pytest.approx([1, 2, 16, 300, 300], rel=0.05)
    assert all(post.service._backoff_s(0) >= 0.1 for _ in range(200))


async def test_the_platforms_own_pause_wins_and_holds_the_target(database: Database) -> None:
    await to_telegram(database, 1, 2)
    telegram = ScriptedNotifier(Channel.TELEGRAM, NotSent("slow down", retry_after_s=120.0))
    post = Post(database, telegram)
    async with post.running():
        alert_id, _, delay_s = await post.outbox.saw("retry")
        assert delay_s == 120.0
        assert await post.outbox.saw("hold_target") == (ANNA, 120.0)
        assert await post.waits_s(int(str(alert_id))) > 100
    assert len(telegram.tried) == 1  # neither the first nor the second again


async def test_a_pause_for_the_whole_channel_holds_all_its_targets(database: Database) -> None:
    await silence_console(database)
    for target in (ANNA, CARL, BEN):
        await add_member(database, target, ALL)
    pause = NotSent("wait", retry_after_s=60.0, whole_channel=True)
    telegram = ScriptedNotifier(Channel.TELEGRAM, pause, pause)
    discord = ScriptedNotifier(Channel.DISCORD)
    post = Post(database, telegram, discord)
    async with post.running():
        await publish(database, 1)
        await post.outbox.saw("retry", 2)
        tried = len(telegram.tried)  # one or both were on their way already
        await publish(database, 2)
        await post.hurry()
        await post.outbox.saw("sent", 2)  # Ben's
        assert len(telegram.tried) == tried
        post.clock.at_ms += 60_001
        await post.hurry()
        await post.outbox.saw("sent", 6)
    assert await post.counts() == {"sent": 6}


async def test_an_entry_whose_outcome_is_unknown_is_not_repeated_on_telegram(database: Database) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM, OutcomeUnknown("read time-out"))
    post = Post(database, telegram)
    async with post.running():
        assert (await post.outbox.saw("unknown"))[1] == "read time-out"
        await post.hurry()
    assert await post.counts() == {"unknown": 1}
    assert len(telegram.tried) == 1


async def test_an_exit_whose_outcome_is_unknown_is_repeated_on_telegram_and_says_so(
    database: Database,
) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM, Delivered("m1"), OutcomeUnknown("read time-out"))
    post = Post(database, telegram)
    async with post.running():
        await post.outbox.saw("sent")
        await end(database, 1)
        await post.outbox.saw("retry")
        await post.hurry()
        await post.outbox.saw("sent", 2)
    assert [(alert.kind.value, alert.is_repeat) for alert in telegram.tried] == [
        ("entry", False),
        ("exit", False),
        ("exit", True),
    ]


async def test_an_exit_that_is_never_confirmed_ends_as_unknown_whoever_sends_it(database: Database) -> None:
    async def confirm_no_exit(alert: Alert) -> Delivered:
        if alert.kind is AlertKind.EXIT:
            raise OutcomeUnknown("read time-out")
        return Delivered("m1")

    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM, *[confirm_no_exit] * (2 * MOST_DOUBTS))
    first, second = Post(database, telegram), Post(database, telegram)
    async with first.running():
        await first.outbox.saw("sent")
        await end(database, 1)
        for n in range(1, 6):
            await first.outbox.saw("retry", n)
            await first.hurry()
    async with second.running():
        for n in range(1, 2 * MOST_DOUBTS):
            if second.outbox.count("unknown"):
                break
            await second.outbox.saw_any("retry", "unknown", times=n)
            await second.hurry()
    doubts = [alert.doubts for alert in telegram.tried if alert.kind is AlertKind.EXIT]
    assert doubts == list(range(MOST_DOUBTS))
    assert (await second.counts())["unknown"] == 1


async def test_an_exit_that_is_refused_for_days_is_given_up(database: Database) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM, Delivered("m1"), *[NotSent("refused")] * (FEW_TRIES + 1))
    post = Post(database, telegram)
    async with post.running():
        await post.outbox.saw("sent")
        await end(database, 1)
        post.clock.at_ms += LONGEST_UNSENT_MS
        for n in range(1, FEW_TRIES + 1):
            await post.outbox.saw("retry", n)
            await post.hurry()
        assert (await post.outbox.saw("dead"))[1] == "refused"


async def test_discord_is_asked_again_with_the_same_nonce(database: Database) -> None:
    await to_discord(database)
    discord = ScriptedNotifier(Channel.DISCORD, OutcomeUnknown("502"), OutcomeUnknown("502"))
    post = Post(database, discord)
    async with post.running():
        for n in (1, 2):
            await post.outbox.saw("retry", n)
            await post.hurry()
        await post.outbox.saw("sent")
    nonces = {alert.nonce for alert in discord.tried}
    assert (len(discord.tried), len(nonces)) == (3, 1)
    assert all(len(nonce) <= 25 for nonce in nonces)
    assert await post.counts() == {"sent": 1}


async def test_when_discord_has_forgotten_the_nonce_an_entry_stays_unknown(database: Database) -> None:
    await to_discord(database)
    discord = ScriptedNotifier(Channel.DISCORD, OutcomeUnknown("502"), OutcomeUnknown("502"))
    post = Post(database, discord)
    async with post.running():
        await post.outbox.saw("retry")
        post.clock.at_ms += NONCE_LIFE_MS + 1
        await post.hurry()
        await post.outbox.saw("unknown")
    assert await post.counts() == {"unknown": 1}


async def test_the_console_prints_again_and_says_so(database: Database) -> None:
    await publish(database, 1)
    console = ScriptedNotifier(Channel.CONSOLE, OutcomeUnknown("broken pipe"))
    post = Post(database, console)
    async with post.running():
        await post.outbox.saw("retry")
        await post.hurry()
        await post.outbox.saw("sent")
    assert [alert.is_repeat for alert in console.tried] == [False, True]


async def test_no_answer_in_time_is_unknown(database: Database) -> None:
    async def too_late(alert: Alert) -> Delivered:
        raise TimeoutError

    await to_telegram(database)
    post = Post(database, ScriptedNotifier(Channel.TELEGRAM, too_late))
    async with post.running():
        assert (await post.outbox.saw("unknown"))[1] == "no answer in time"


async def test_a_moved_chat_is_followed(database: Database) -> None:
    await to_telegram(database, 1, 2)
    telegram = ScriptedNotifier(Channel.TELEGRAM, TargetMoved("migrated", "-100777"))
    post = Post(database, telegram)
    async with post.running():
        await post.outbox.saw("sent", 2)
    assert [(a.target.chat, a.short_id) for a in telegram.tried] == [
        ("101", "0001"),
        ("-100777", "0001"),
        ("-100777", "0002"),
    ]


async def test_a_target_that_is_gone_is_switched_off_with_its_reason(database: Database) -> None:
    await to_telegram(database, 1, 2)
    telegram = ScriptedNotifier(Channel.TELEGRAM, TargetGone("bot was blocked by the user"))
    post = Post(database, telegram)
    async with post.running():
        await post.outbox.saw("dead")
        assert await post.outbox.saw("disable_target") == (ANNA, "bot was blocked by the user")
        await publish(database, 3)
        await post.hurry()
    assert len(telegram.tried) == 1
    assert await post.counts() == {"dead": 2}


async def test_our_own_bad_message_kills_only_itself(database: Database) -> None:
    await to_telegram(database, 1, 2)
    telegram = ScriptedNotifier(Channel.TELEGRAM, MessageRefused("can't parse entities"))
    post = Post(database, telegram)
    async with post.running():
        await post.outbox.saw("sent")
    assert await post.counts() == {"dead": 1, "sent": 1}
    assert post.outbox.count("disable_target") == 0


async def test_a_refused_token_stops_its_channel_and_keeps_its_queue(database: Database) -> None:
    for target in (ANNA, CARL, BEN):
        await add_member(database, target, ALL)
    await silence_console(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM, *[ChannelRefused("401")] * 9)
    discord = ScriptedNotifier(Channel.DISCORD)
    post = Post(database, telegram, discord)
    async with post.running():
        await publish(database, 1)
        _, _, delay_s = await post.outbox.saw("retry")
        assert delay_s == LONGEST_RETRY_S
        await post.outbox.saw("sent")
        await publish(database, 2)
        await post.outbox.saw("sent", 2)
        await post.hurry()
    assert [alert.short_id for alert in discord.tried] == ["0001", "0002"]
    assert 1 <= len(telegram.tried) <= 2
    assert (await post.counts())["pending"] == 4
    again = Post(database, ScriptedNotifier(Channel.TELEGRAM))
    async with again.running():
        await again.hurry()
        await again.outbox.saw("sent", 4)


async def test_a_channel_stopped_during_a_lease_sends_nothing_and_breaks_nothing(database: Database) -> None:
    tried, refused = asyncio.Event(), asyncio.Event()

    async def refuse(alert: Alert) -> Delivered:
        tried.set()
        await refused.wait()
        raise ChannelRefused("401")

    async def after_lease(alerts: list[Alert]) -> None:
        if any(alert.target == CARL for alert in alerts):
            refused.set()
            await post.outbox.saw("retry")

    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await publish(database, 1)
    telegram = ScriptedNotifier(Channel.TELEGRAM, refuse)
    post = Post(database, telegram)
    post.outbox.after_lease = after_lease
    async with post.running():
        await tried.wait()
        await add_member(database, CARL, ALL)
        await publish(database, 2)
        _, error, delay_s = await post.outbox.saw("retry", 2)
        assert (error, delay_s) == ("channel stopped", LONGEST_RETRY_S)
    assert len(telegram.tried) == 1
    assert await post.counts() == {"pending": 3}


# --- time ------------------------------------------------------------------------------------------


async def test_pacing_returns_the_row_and_holds_the_target(database: Database) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM)
    post = Post(database, telegram)
    post.pace.waits[ANNA] = 30.0
    async with post.running():
        assert (await post.outbox.saw("retry"))[1:] == ("paced", 30.0)
        assert post.outbox.count("sending") == 0
        await post.hurry()
        await post.outbox.saw("sent")
    assert await post.counts() == {"sent": 1}
    assert telegram.tried[0].attempts == 0


async def test_an_entry_beyond_its_life_isnt_sent_but_counted(database: Database) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM)
    post = Post(database, telegram)
    post.clock.at_ms = MONDAY_MS + 90_000_000
    async with post.running():
        await post.outbox.saw("expired")
    assert telegram.tried == []
    assert await post.counts() == {"expired": 1}


async def test_an_exit_is_late_rather_than_never(database: Database) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM)
    post = Post(database, telegram)
    async with post.running():
        await post.outbox.saw("sent")
        post.clock.at_ms = MONDAY_MS + 900_000_000
        await end(database, 1)
        await post.outbox.saw("sent", 2)
    assert telegram.tried[-1].kind is AlertKind.EXIT


async def test_the_next_alert_of_a_target_doesnt_wait_for_a_poll(database: Database) -> None:
    """A send that ends while the dispatcher looks at the queue must still wake it."""
    looks = asyncio.Event()

    async def ends_during_the_look(alert: Alert) -> Delivered:
        await looks.wait()
        return Delivered("m")

    async def let_sends_end() -> None:
        looks.set()
        await asyncio.gather(*post.service._busy)
        looks.clear()

    await to_telegram(database, 1, 2, 3)
    waker = DeafWaker()
    post = Post(database, ScriptedNotifier(Channel.TELEGRAM, *[ends_during_the_look] * 3), waker=waker)
    post.outbox.after_look = let_sends_end
    async with post.running():
        await post.outbox.saw("sent", 3)
        looks.set()
    assert waker.ran_out == 0


# --- the database, a crash, a stop -----------------------------------------------------------------


async def test_a_database_that_is_away_is_waited_for(database: Database) -> None:
    await to_telegram(database)
    post = Post(database, ScriptedNotifier(Channel.TELEGRAM))
    post.outbox.away["lease"] = 2
    async with post.running():
        await post.outbox.saw("sent")
    assert post.sleep.slept == [2.0, 2.0]


async def test_what_was_sent_is_recorded_as_soon_as_the_database_is_back(database: Database) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM)
    post = Post(database, telegram)
    post.outbox.away["sent"] = RECORD_TRIES - 1
    async with post.running():
        await post.outbox.saw("sent")
    assert (len(telegram.tried), await post.counts()) == (1, {"sent": 1})
    # as long as the lease: whoever found it then would doubt it, and its chat's next ones wait behind it
    assert LEASE_S - SEND_TIMEOUT_S / 2 <= sum(post.sleep.slept) < LEASE_S
    assert max(post.sleep.slept) <= POLL_S


async def test_what_can_never_be_recorded_is_left_as_sending(database: Database) -> None:
    await to_telegram(database)
    telegram = ScriptedNotifier(Channel.TELEGRAM)
    post = Post(database, telegram)
    post.outbox.away["sent"] = RECORD_TRIES
    async with post.running():
        await post.outbox.saw("sent failed", RECORD_TRIES)
    assert (len(telegram.tried), await post.counts()) == (1, {"sending": 1})


async def test_an_outage_is_said_once_whatever_it_stops(database: Database) -> None:
    await to_telegram(database)
    post = Post(database, ScriptedNotifier(Channel.TELEGRAM))
    post.outbox.away.update(lease=5, sent=RECORD_TRIES)
    with capture_logs() as logs:
        async with post.running():
            await post.outbox.saw("sent failed", RECORD_TRIES)
            post.clock.at_ms += SAID_AGAIN_MS
            post.outbox.away["lease"] = 1
            await post.outbox.saw("lease failed", 6)
            leased = post.outbox.count("lease")
            await post.outbox.saw("lease", leased + 2)
    said = [(one["event"].partition(":")[0], one.get("sends_unrecorded")) for one in logs]
    assert said == [
        ("the database is away", None),
        ("the database is back", 0),
        ("the database is away", None),
        ("the database is back", 1),
    ]


async def died_while_sending(database: Database) -> None:
    """Leave every due alert as a process leaves it that is killed in the middle of sending."""
    outbox = Outbox(database)
    for alert in await outbox.lease(list(Channel), 50, 60, "dead"):
        assert await outbox.sending(alert.alert_id, "dead")
    async with database.connection() as connection:
        await connection.execute("update outbox set lease_until = clock_timestamp() - interval '1 s'")


@pytest.mark.parametrize(
    ("target", "age_ms", "tried"),
    [
        (ANNA, 1_000, []),
        (BEN, 1_000, [True]),
        (BEN, NONCE_LIFE_MS + 1, []),
        (CONSOLE, NONCE_LIFE_MS + 1, [True]),
    ],
    ids=["telegram", "discord", "discord, too long ago", "console"],
)
async def test_an_entry_after_a_crash_goes_by_the_same_policy(
    database: Database, target: Target, age_ms: int, tried: list[bool]
) -> None:
    if target != CONSOLE:
        await silence_console(database)
        await add_member(database, target, ALL)
    await publish(database, 1)
    await died_while_sending(database)
    notifier = ScriptedNotifier(target.channel)
    post = Post(database, notifier)
    post.clock.at_ms = MONDAY_MS + age_ms
    async with post.running():
        if tried:
            await post.outbox.saw("retry")
            await post.hurry()
        await post.outbox.saw("sent" if tried else "unknown")
    assert [alert.is_repeat for alert in notifier.tried] == tried
    assert await post.counts() == {"sent" if tried else "unknown": 1}


async def test_recovery_goes_on_while_it_runs(database: Database) -> None:
    post = Post(database, ScriptedNotifier(Channel.CONSOLE))
    async with post.running():
        await post.outbox.saw("recover")
        await publish(database, 1)
        await post.outbox.saw("sent")
        post.clock.at_ms += LOOK_ROUND_MS
        await publish(database, 2)
        await post.outbox.saw("recover", 2)


async def test_a_stop_lets_what_is_on_its_way_arrive_and_gives_the_rest_back(database: Database) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(alert: Alert) -> Delivered:
        entered.set()
        await go_on.wait()
        return Delivered("m9")

    await to_telegram(database, 1, 2)
    post = Post(database, ScriptedNotifier(Channel.TELEGRAM, slowly))
    async with post.waker:
        task = asyncio.create_task(post.service.run())
        await entered.wait()
        task.cancel()
        go_on.set()
        with suppress(asyncio.CancelledError):
            await task
    assert await post.outbox.saw("release") == ("me",)
    assert await post.counts() == {"sent": 1, "pending": 1}


async def test_leases_that_were_never_begun_return_at_a_stop(database: Database) -> None:
    await to_telegram(database)
    assert len(await Outbox(database).lease(list(Channel), 5, 60, "me")) == 1
    post = Post(database, ScriptedNotifier(Channel.TELEGRAM))
    async with post.running():
        await post.outbox.saw("lease")
    assert await post.counts() == {"pending": 1}


async def test_a_bug_in_a_notifier_costs_one_message_and_is_told_once_with_its_place(
    database: Database,
) -> None:
    async def broken(alert: Alert) -> Delivered:
        raise ZeroDivisionError("about this message")

    await to_telegram(database, 1, 2, 3)
    post = Post(database, ScriptedNotifier(Channel.TELEGRAM, broken, broken))
    with capture_logs() as logs:
        async with post.running():
            await post.outbox.saw("sent")
    assert [alert.short_id for alert in post.delivered] == ["0003"]
    assert await post.counts() == {"dead": 2, "sent": 1}
    assert post.outbox.count("disable_target") == 0
    [(_, error)] = {args for name, args in post.outbox.calls if name == "dead" and args[0] == 1}
    assert error == "a bug in the program: ZeroDivisionError"
    told = [one for one in logs if "bug" in one["event"]]
    assert [one["exc_info"] is not None for one in told] == [True, False]


async def test_a_platform_at_its_limit_is_not_even_asked_for(database: Database) -> None:
    for target in (ANNA, CARL, BEN):
        await add_member(database, target, ALL)
    await silence_console(database)
    telegram, discord = ScriptedNotifier(Channel.TELEGRAM), ScriptedNotifier(Channel.DISCORD)
    post = Post(database, telegram, discord)
    post.pace.full[Channel.TELEGRAM] = 0.02
    await publish(database, 1)
    async with post.running():
        await post.outbox.saw("sent")
        assert telegram.tried == []
        assert {args[0] for name, args in post.outbox.calls if name == "lease"} == {(Channel.DISCORD,)}
        del post.pace.full[Channel.TELEGRAM]
        await post.outbox.saw("sent", 3)
    assert post.outbox.count("retry") == post.outbox.count("hold_target") == 0


async def test_a_chat_that_falls_behind_hears_the_rest_in_one_message(database: Database) -> None:
    await to_telegram(database, *range(1, 8))
    telegram = ScriptedNotifier(Channel.TELEGRAM)
    post = Post(database, telegram)
    post.pace.rates[ANNA] = 3 / PATIENCE_S
    async with post.running():
        await post.outbox.saw("sent", 4)
    assert [alert.kind.value for alert in telegram.tried] == ["entry"] * 3 + ["merged"]
    facts = telegram.tried[-1].facts
    assert isinstance(facts, MergedFacts)
    assert [line.opportunity.short_id for line in facts.lines] == ["0007", "0006", "0005", "0004"]
    assert await post.counts() == {"sent": 8}


async def test_what_can_not_be_changed_is_not_tried(database: Database) -> None:
    await to_telegram(database)
    async with database.connection() as connection:
        await connection.execute("update outbox set edits = true")
    telegram = ScriptedNotifier(Channel.TELEGRAM)
    post = Post(database, telegram)
    async with post.running():
        _, why = await post.outbox.saw("expired")
    assert why == "the message that it would change isn't known"
    assert telegram.tried == []


async def test_no_more_is_claimed_than_a_platform_takes_now(database: Database) -> None:
    await silence_console(database)
    people = [Target(Channel.TELEGRAM, str(900 + n)) for n in range(8)]
    for target in (*people, BEN):
        await add_member(database, target, ALL)
    await publish(database, 1)
    telegram, discord = ScriptedNotifier(Channel.TELEGRAM), ScriptedNotifier(Channel.DISCORD)
    post = Post(database, telegram, discord)
    post.pace.rooms[Channel.TELEGRAM] = 3
    claimed: list[list[Channel]] = []

    async def after_lease(alerts: list[Alert]) -> None:
        claimed.append([alert.target.channel for alert in alerts])

    post.outbox.after_lease = after_lease
    async with post.running():
        await post.outbox.saw("sent", 9)
    assert max(one.count(Channel.TELEGRAM) for one in claimed) == 3
    assert claimed[0].count(Channel.DISCORD) == 1
    assert post.outbox.count("retry") == 0


class AllAtOnce(Pacer):
    """Lets all be claimed, and some of them be sent."""

    def room(self, channel: Channel) -> int | None:
        return None


async def test_many_who_ask_at_once_are_not_all_told_yes(database: Database) -> None:
    """The real pace: what one claims, the next one sees before anything is awaited."""
    never, entered = asyncio.Event(), asyncio.Event()

    async def hang(alert: Alert) -> Delivered:
        if len(telegram.tried) == 4:
            entered.set()
        await never.wait()
        return Delivered("m")

    await silence_console(database)
    for n in range(12):
        await add_member(database, Target(Channel.TELEGRAM, str(900 + n)), ALL)
    await publish(database, 1)
    telegram = ScriptedNotifier(Channel.TELEGRAM, *[hang] * 12)
    pace = AllAtOnce(asyncio.get_running_loop().time, Limits(telegram_bot=Limit(4, 1.0)))
    post = Post(database, telegram, pace=pace)
    async with post.running():
        await entered.wait()
        await post.outbox.saw("retry", 8)
        assert len(telegram.tried) == 4
        never.set()
