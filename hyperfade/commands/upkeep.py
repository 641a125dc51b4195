"""`migrate`, `doctor`, `ledger verify`, `notify test`: looking after an installation."""

import asyncio
import contextlib
import json
from random import Random

from rich.console import Console

from core.counting import counted
from core.model.alerts import Channel, DeliveryState, Target
from core.ports import Notifier
from core.services.delivery_policy import DeliveryPolicy
from core.services.dispatching import DispatchService
from hyperfade.clock import WallClock
from hyperfade.connections import open_discord, open_telegram
from hyperfade.database import open_storage
from hyperfade.destinations import open_destinations
from hyperfade.doctor import Finding, examine_all
from hyperfade.logs import set_up_logs
from hyperfade.own_words import own_words
from hyperfade.settings import Settings, load_settings
from notifiers.console import ConsoleNotifier
from notifiers.pacing import Pacer
from storage.chats import Chats
from storage.ledger import Ledger
from storage.outbox import Outbox
from storage.reader import Reader
from storage.waker import Waker

TEST_WAIT_S = 60.0
LOOK_EVERY_S = 0.1
MARKS = {True: "ok", False: "PROBLEM", None: "note"}


async def migrate_database(*, as_json: bool) -> None:
    """Open the database, which migrates it."""
    async with open_storage(load_settings(), exclusive=False) as database:
        version = await Reader(database).schema_version()
    if as_json:
        print(json.dumps({"version": version}))
    else:
        print(f"The database is at version {version}, which this program needs.")


async def verify_ledger(*, as_json: bool) -> int:
    """Walk along the chain; exit code 1 when an entry doesn't fit."""
    async with open_storage(load_settings(), exclusive=False) as database:
        check = await Ledger(database).verify()
    if as_json:
        document = {
            "ok": check.broken is None,
            "entries": check.entries,
            "head": check.head,
            "broken": check.broken,
            "problem": check.problem,
        }
        print(json.dumps(document, indent=2))
    elif check.broken is None:
        entries = counted(check.entries, "entry", "entries")
        print(f"{entries}, every one fits the one before it. Head: {check.head}")
    else:
        print(f"Entry {check.broken:,} doesn't fit: {check.problem}")
    return 0 if check.broken is None else 1


async def examine(*, as_json: bool) -> int:
    """Check everything; exit code 1 when there is a problem."""
    findings = await examine_all()
    if as_json:
        rows = [{"check": one.check, "ok": one.ok, "found": one.found, "hint": one.hint} for one in findings]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        width = max(len(one.check) for one in findings)
        for one in findings:
            print(_line(one, width))
    return 1 if any(one.ok is False for one in findings) else 0


def _line(one: Finding, width: int) -> str:
    hint = f"\n{'':{width + 11}}{one.hint}" if one.hint else ""
    return f"{MARKS[one.ok]:<8} {one.check:<{width}}  {one.found}{hint}"


async def send_test(*, as_json: bool) -> int:
    """Send a marked rehearsal alert to every chat that isn't switched off, and wait for each."""
    settings = load_settings()
    set_up_logs(settings.log_level, settings.log_format, settings.secret_values())
    with own_words(settings):
        rows = await _sent_tests(settings, Console(highlight=False, stderr=as_json))
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for row in rows:
            print(f"{row['target']}: {row['state']}" + (f" ({row['error']})" if row["error"] else ""))
    return 0 if all(row["state"] == "sent" for row in rows) else 1


async def _sent_tests(settings: Settings, console: Console) -> list[dict[str, str | None]]:
    """Return what became of the test of each chat."""
    clock = WallClock()
    async with (
        open_storage(settings, exclusive=False) as database,
        open_telegram(settings) as telegram_bot,
        open_discord(settings) as discord_client,
        open_destinations(settings, database) as others,
        Waker(database) as waker,
    ):
        chats, outbox = Chats(database), Outbox(database)
        notifiers: dict[Channel, Notifier] = {one.channel: one for one in (ConsoleNotifier(console), *others)}
        if telegram_bot is not None:
            from notifiers.telegram import TelegramNotifier

            notifiers[Channel.TELEGRAM] = TelegramNotifier(telegram_bot)
        if discord_client is not None and discord_client.user is not None:
            from notifiers.discord import DiscordNotifier

            notifiers[Channel.DISCORD] = DiscordNotifier(discord_client)
        targets = [chat.target for chat in await chats.reachable() if chat.target.channel in notifiers]
        queued: dict[int, Target] = {
            await outbox.add_test(target, clock.now_ms()): target for target in targets
        }
        loop = asyncio.get_running_loop()
        dispatch = DispatchService(
            outbox,
            notifiers,
            Pacer(loop.time, settings.limits()),
            waker,
            clock,
            asyncio.sleep,
            Random(),
            "notify test",
            policy=DeliveryPolicy(settings.repeat_kinds),
        )
        sending = asyncio.create_task(dispatch.run())
        try:
            states = await _settled(outbox, list(queued))
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    return [
        {"target": str(target), "state": states[alert_id][0].value, "error": states[alert_id][1]}
        for alert_id, target in queued.items()
    ]


async def _settled(outbox: Outbox, alert_ids: list[int]) -> dict[int, tuple[DeliveryState, str]]:
    """Wait until none of these alerts is on its way any more, but not for ever."""
    states = await outbox.states(alert_ids)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TEST_WAIT_S):
            while any(state is DeliveryState.PENDING for state, _ in states.values()):
                await asyncio.sleep(LOOK_EVERY_S)
                states = await outbox.states(alert_ids)
    return states
