"""From the outbox to the notifiers: lease, commit as sending, send, record.

The whole order is in ``_deliver``. A destination that is slow, dead or over its limit holds back
only itself: every target has at most one alert on its way, and what must wait goes back to the
queue with a time, so nobody waits while holding a lease.
"""

import asyncio
from collections.abc import Callable, Mapping
from random import Random

import structlog

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
from core.model.alerts import Alert, Channel, Delivered
from core.ports import Clock, Notifier, Outbox, Pace, Sleep, Waker
from core.services.delivery_policy import DeliveryPolicy, why_pointless
from core.services.merging import surplus
from core.trouble import Trouble, database_trouble

log = structlog.get_logger(__name__)

LEASE_S = 60.0
SEND_TIMEOUT_S = 40.0
POLL_S = 2.0
LOOK_ROUND_MS = 2_000
"""How often to look for what a dead process left and who falls behind; in every round each alert
would wait for it."""
NOT_OURS_S = 0.25
BATCH = 50
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 300.0
WIND_DOWN_S = 10.0
RECORD_TRIES = 30
"""With ``POLL_S`` between them: about as long as the lease."""


def _pause_s(due_s: float | None) -> float:
    """Return how long to wait when nothing was leased; what is due all the same isn't ours."""
    if due_s is None:
        return POLL_S
    return min(POLL_S, due_s) if due_s > 0 else NOT_OURS_S


class DispatchService:
    """Send what is in the outbox, through the notifiers this process has."""

    def __init__(
        self,
        outbox: Outbox,
        notifiers: Mapping[Channel, Notifier],
        pace: Pace,
        waker: Waker,
        clock: Clock,
        sleep: Sleep,
        rng: Random,
        owner: str,
        on_delivered: Callable[[Alert], None] = lambda _: None,
        database: Trouble | None = None,
        policy: DeliveryPolicy | None = None,
    ) -> None:
        """``database``: its trouble, where others write to the same one."""
        self._outbox = outbox
        self._notifiers = dict(notifiers)
        self._pace = pace
        self._waker = waker
        self._clock = clock
        self._sleep = sleep
        self._rng = rng
        self._owner = owner
        self._on_delivered = on_delivered
        self._database = database or database_trouble(clock.now_ms)
        self._policy = policy or DeliveryPolicy()
        self._busy: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._failure: BaseException | None = None
        self._held_until_ms: dict[Channel, int] = {}
        self._looked_ms: int | None = None
        self._bugs_told: set[tuple[Channel, str]] = set()

    def add(self, notifier: Notifier) -> None:
        """Send to one more channel from now on."""
        self._notifiers[notifier.channel] = notifier
        self._freed.set()

    async def run(self) -> None:
        """Dispatch until cancelled; then let sends in flight end and give the rest back."""
        try:
            while True:
                await self._round_or_wait()
        finally:
            await self._wind_down()

    async def _round_or_wait(self) -> None:
        if self._failure is not None:
            raise self._failure
        self._freed.clear()
        try:
            await self._look_round()
            leased = await self._round()
            due_s = None if leased else await self._outbox.next_due_s()
            self._database.passed("dispatch")
        except StorageError as error:
            self._database.met("dispatch", error)
            await self._sleep(POLL_S)
            return
        if not leased:
            await self._wait(min([_pause_s(due_s), *self._until_room()]))

    def _until_room(self) -> list[float]:
        """Return in how many seconds each platform that is at its limit takes messages again."""
        delays = (self._pace.channel_delay_s(channel) for channel in self._notifiers)
        return [delay_s for delay_s in delays if delay_s > 0]

    async def _wait(self, timeout_s: float) -> None:
        """Wait for a notification, for a send to end (its target is free again), or for the time."""
        waits = {
            asyncio.ensure_future(self._waker.wait(timeout_s)),
            asyncio.ensure_future(self._freed.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=timeout_s)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _round(self) -> int:
        """Lease what is due and start sending it; return how many."""
        now_ms = self._clock.now_ms()
        free = tuple(
            channel
            for channel in self._notifiers
            if self._held_until_ms.get(channel, 0) <= now_ms and self._pace.channel_delay_s(channel) <= 0
        )
        rooms = {channel: room for channel in free if (room := self._pace.room(channel)) is not None}
        alerts = await self._outbox.lease(free, BATCH, LEASE_S, self._owner, rooms)
        for alert in alerts:
            task = asyncio.create_task(self._deliver_and_record(alert), name=f"deliver {alert.alert_id}")
            self._busy.add(task)
            task.add_done_callback(self._done)
        return len(alerts)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        self._freed.set()
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()

    async def _deliver_and_record(self, alert: Alert) -> None:
        try:
            await self._deliver(alert)
        except StorageError as error:
            # the row stays as it is; when its lease runs out it is recovered as unknown or unsent
            self._database.met(alert.alert_id, error, sends_unrecorded=1)
            self._database.passed(alert.alert_id)

    async def _deliver(self, alert: Alert) -> None:
        """Bring one alert to its target and record what became of it."""
        notifier = self._notifiers.get(alert.target.channel)
        if notifier is None:  # its channel was stopped after the lease
            await self._outbox.retry(alert.alert_id, "channel stopped", LONGEST_RETRY_S)
            return
        now_ms = self._clock.now_ms()
        if alert.expires_ms is not None and now_ms >= alert.expires_ms:
            await self._outbox.expired(alert.alert_id, "too late to be worth sending")
            return
        if (why := why_pointless(alert)) is not None:
            await self._outbox.expired(alert.alert_id, why)
            return
        held_s = (self._held_until_ms.get(alert.target.channel, 0) - now_ms) / 1000
        wait_s = max(self._pace.delay_s(alert.target), held_s)
        if wait_s > 0:
            await self._outbox.hold_target(alert.target, wait_s)
            await self._outbox.retry(alert.alert_id, "paced", wait_s)
            return
        # counted before anything is awaited: those who ask meanwhile must see it
        with self._pace.sending(alert.target):
            if not await self._outbox.sending(alert.alert_id, self._owner):
                return
            outcome = await self._outcome(notifier, alert, now_ms)
        match outcome:
            case Delivered():
                await self._record_sent(alert, outcome.remote_id)
                self._on_delivered(alert)
                bound = log.bind(alert=alert.alert_id, target=str(alert.target), kind=alert.kind.value)
                bound.debug("alert delivered")
            case TimeoutError():
                await self._after_unknown(alert, "no answer in time")
            case DeliveryError():
                await self._after_error(alert, outcome)
            case _:
                await self._after_bug(alert, outcome)

    async def _outcome(self, notifier: Notifier, alert: Alert, now_ms: int) -> Delivered | Exception:
        """Send, and return what came of it: one bad message stops neither its chat nor the others."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                return await notifier.send(alert, now_ms)
        except Exception as error:
            return error

    async def _record_sent(self, alert: Alert, remote_id: str | None) -> None:
        """Record it, and try again while the lease lasts: unrecorded it would be repeated, or doubted."""
        sent_ms = self._clock.now_ms()
        for tried in range(1, RECORD_TRIES + 1):
            try:
                await self._outbox.sent(alert.alert_id, remote_id, sent_ms)
                self._database.passed(alert.alert_id)
                return
            except StorageError as error:
                if tried == RECORD_TRIES:
                    raise
                self._database.met(alert.alert_id, error)
                await self._sleep(min(POLL_S, 0.5 * 2.0 ** (tried - 1)))

    async def _after_error(self, alert: Alert, error: DeliveryError) -> None:
        """Record a failed send by what the error says about message, target or channel."""
        text = str(error)
        bound = log.bind(alert=alert.alert_id, target=str(alert.target), error=text)
        match error:
            case NotSent() if self._policy.gives_up(alert, self._clock.now_ms()):
                await self._outbox.dead(alert.alert_id, text)
                bound.error("alert given up: its destination took nothing for days")
            case NotSent():
                delay_s = error.retry_after_s or self._backoff_s(alert.attempts)
                if error.retry_after_s is not None:
                    await self._outbox.hold_target(alert.target, delay_s)
                if error.whole_channel:
                    self._held_until_ms[alert.target.channel] = self._clock.now_ms() + round(delay_s * 1000)
                await self._outbox.retry(alert.alert_id, text, delay_s)
                bound.warning("alert not sent, will retry", retry_s=round(delay_s, 1))
            case OutcomeUnknown():
                await self._after_unknown(alert, text)
            case TargetMoved():
                await self._outbox.move_target(alert.target, error.new_target)
                await self._outbox.retry(alert.alert_id, text, 0.0)
                bound.info("chat moved", to=error.new_target)
            case TargetGone():
                # in this order: once this row is off the way, the target's next would go out
                await self._outbox.disable_target(alert.target, text)
                await self._outbox.dead(alert.alert_id, text)
                bound.warning("chat switched off")
            case ChannelRefused():
                await self._outbox.retry(alert.alert_id, text, LONGEST_RETRY_S)
                self._notifiers.pop(alert.target.channel, None)
                bound.error("channel stopped: check its token, then start again")
            case MessageRefused() | _:
                await self._outbox.dead(alert.alert_id, text)
                bound.error("message refused")

    async def _after_bug(self, alert: Alert, error: Exception) -> None:
        """Give up on a message that a notifier stumbled over; tell where, once for each kind of error."""
        name = type(error).__name__
        await self._outbox.dead(alert.alert_id, f"a bug in the program: {name}")
        is_new = (alert.target.channel, name) not in self._bugs_told
        self._bugs_told.add((alert.target.channel, name))
        log.error(
            "alert not sent: a bug in the program",
            alert=alert.alert_id,
            target=str(alert.target),
            kind=alert.kind.value,
            error=name,
            exc_info=error if is_new else None,
        )

    async def _after_unknown(self, alert: Alert, error: str, since_ms: int | None = None) -> None:
        """Apply the policy to a send that may have arrived; ``since_ms``: the earliest it can have."""
        now_ms = self._clock.now_ms()
        at_ms = now_ms if since_ms is None else since_ms
        first_ms = at_ms if alert.doubted_ms is None else alert.doubted_ms
        if self._policy.repeats(alert, now_ms - first_ms):
            delay_s = self._backoff_s(alert.attempts)
            await self._outbox.retry(alert.alert_id, error, delay_s, doubted_ms=first_ms)
        else:
            await self._outbox.unknown(alert.alert_id, error)
        log.warning("delivery not confirmed", alert=alert.alert_id, target=str(alert.target), error=error)

    async def _look_round(self) -> None:
        now_ms = self._clock.now_ms()
        if self._looked_ms is None or abs(now_ms - self._looked_ms) >= LOOK_ROUND_MS:
            await self._recover()
            await self._merge(now_ms)
            self._looked_ms = now_ms

    async def _merge(self, now_ms: int) -> None:
        """Let a chat that falls behind hear of its last entries together."""
        backlogs = await self._outbox.backlogs(tuple(self._notifiers))
        for target, keep in surplus(backlogs, self._pace, now_ms).items():
            merged = await self._outbox.merge(target, keep, now_ms)
            if merged:
                log.info("entries merged into one message", target=str(target), entries=merged)

    async def _recover(self) -> None:
        """Apply the same policy to what another process, or an earlier life, left as sending."""
        for alert in await self._outbox.recover():
            await self._after_unknown(alert, "the process ended while sending", alert.created_ms)

    def _backoff_s(self, attempts: int) -> float:
        """Return a delay with full jitter: 1 s doubled at every attempt, at most 5 min."""
        ceiling = min(LONGEST_RETRY_S, FIRST_RETRY_S * float(2 ** min(attempts, 10)))
        return self._rng.uniform(0.1, 1.0) * ceiling

    async def _wind_down(self) -> None:
        if self._busy:
            _, late = await asyncio.wait(self._busy, timeout=WIND_DOWN_S)
            for task in late:  # the next life finds them as unknown
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            await self._outbox.release(self._owner)
        except StorageError as error:
            log.error("leases could not be returned; they run out by themselves", error=str(error))
