"""Any other service: a real Apprise against a loopback server, its own words kept out of ours."""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import AsyncIterator
from io import StringIO

import pytest

from core.errors import DeliveryError, MessageRefused, NotSent, OutcomeUnknown, SettingsError, TargetGone
from core.model.alerts import Alert, AlertKind, Channel, Target
from messages.render import render_alert
from notifiers.apprise import AppriseNotifier, read_service
from tests.support import faults
from tests.support.chat_facts import LOSER, NOW_MS, make_alert
from tests.support.webhook_server import WebhookServer

pytestmark = pytest.mark.asyncio
TOKEN = "S3cr3t-path-of-a-service"


@contextlib.asynccontextmanager
async def service(
    server: WebhookServer, timeout_s: float = 5.0, options: str = ""
) -> AsyncIterator[AppriseNotifier]:
    address = server.url.replace("http://", "json://").replace("/hook", f"/{TOKEN}") + options
    notifier = AppriseNotifier([read_service(address)], timeout_s)
    try:
        yield notifier
    finally:
        notifier.close()


def to(notifier: AppriseNotifier, kind: AlertKind = AlertKind.ENTRY) -> Alert:
    return make_alert(kind, Channel.APPRISE, target=Target(Channel.APPRISE, notifier.names[0]))


async def test_it_reads_as_on_the_console(webhook_server: WebhookServer) -> None:
    async with service(webhook_server) as notifier:
        assert (await notifier.send(to(notifier), NOW_MS)).remote_id is None
        text = render_alert(to(notifier), NOW_MS)
    [request] = webhook_server.requests
    sent = json.loads(request.body)
    assert f"{sent['title']}\n{sent['message']}".split() == text.split()
    assert text == render_alert(make_alert(AlertKind.ENTRY, Channel.CONSOLE), NOW_MS)
    assert LOSER in sent["message"]


ANSWERS: list[tuple[int, type[DeliveryError]]] = [
    (400, MessageRefused),
    (401, TargetGone),
    (403, TargetGone),
    (404, TargetGone),
    (410, TargetGone),
    (413, MessageRefused),
    (429, NotSent),
    (500, OutcomeUnknown),
    (502, OutcomeUnknown),
    (503, OutcomeUnknown),
]


@pytest.mark.parametrize(("status", "meaning"), ANSWERS, ids=[str(status) for status, _ in ANSWERS])
async def test_each_status_has_its_meaning(
    webhook_server: WebhookServer, status: int, meaning: type[DeliveryError]
) -> None:
    webhook_server.status = status
    webhook_server.body = b"the service's own words"
    async with service(webhook_server) as notifier:
        with pytest.raises(meaning) as caught:
            await notifier.send(to(notifier), NOW_MS)
    assert "words" not in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("fault", [faults.close(), faults.reset()], ids=["closed", "reset"])
async def test_a_lost_answer_may_have_been_taken(webhook_server: WebhookServer, fault: faults.Fault) -> None:
    webhook_server.fail(fault)
    async with service(webhook_server) as notifier:
        with pytest.raises(OutcomeUnknown):
            await notifier.send(to(notifier), NOW_MS)


async def test_a_service_that_hangs_is_not_waited_for_and_keeps_nobody_waiting(
    webhook_server: WebhookServer,
) -> None:
    webhook_server.fail(faults.stall())
    async with WebhookServer() as other:
        addresses = [
            server.url.replace("http://", "json://") + "?rto=1" for server in (webhook_server, other)
        ]
        notifier = AppriseNotifier([read_service(one) for one in addresses], 0.2)
        hanging, quick = (
            make_alert(AlertKind.ENTRY, Channel.APPRISE, target=Target(Channel.APPRISE, name))
            for name in notifier.names
        )
        first = asyncio.create_task(notifier.send(hanging, NOW_MS))
        await webhook_server.wait_for_requests(1)
        await notifier.send(quick, NOW_MS)
        with pytest.raises(OutcomeUnknown, match="in time"):
            await first
        notifier.close()


async def test_its_logs_stay_out_of_ours(webhook_server: WebhookServer) -> None:
    heard = StringIO()
    ear = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        webhook_server.status = 404
        async with service(webhook_server) as notifier:
            with pytest.raises(TargetGone):
                await notifier.send(to(notifier), NOW_MS)
        root.debug("what is ours")
    finally:
        root.removeHandler(ear)
        root.setLevel(level)
    assert "what is ours" in heard.getvalue()
    assert TOKEN not in heard.getvalue()
    assert "Failed to send" not in heard.getvalue()


async def test_two_that_fail_at_once_are_not_taken_for_each_other(webhook_server: WebhookServer) -> None:
    webhook_server.status = 404
    async with WebhookServer() as other:
        other.status = 500
        async with service(webhook_server) as gone, service(other) as failing:
            results = await asyncio.gather(
                *(one.send(to(one), NOW_MS) for one in (gone, failing) * 4), return_exceptions=True
            )
    assert [type(one) for one in results] == [TargetGone, OutcomeUnknown] * 4


async def test_what_apprise_does_not_know_is_refused_without_repeating_it() -> None:
    with pytest.raises(SettingsError) as caught:
        read_service(f"nosuchservice://{TOKEN}")
    assert TOKEN not in str(caught.value)
    assert "HYPERFADE_APPRISE_URLS" in str(caught.value)


async def test_a_service_taken_out_of_the_settings_is_gone(webhook_server: WebhookServer) -> None:
    async with service(webhook_server) as notifier:
        with pytest.raises(TargetGone):
            await notifier.send(make_alert(AlertKind.ENTRY, Channel.APPRISE), NOW_MS)
    assert webhook_server.requests == []


async def test_no_thread_is_left_behind(webhook_server: WebhookServer) -> None:
    async with service(webhook_server) as notifier:
        await notifier.send(to(notifier), NOW_MS)
        threads = [one for one in threading.enumerate() if one.name.startswith("apprise")]
        assert threads
    for thread in threads:
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
