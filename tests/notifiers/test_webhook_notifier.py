"""Signed events for receivers of JSON, messages for Discord's channels, and what each answer means."""

import asyncio
import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict
from yarl import URL

from core.errors import DeliveryError, MessageRefused, NotSent, OutcomeUnknown, TargetGone
from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.opportunities import EndReason
from messages.render import render_alert
from notifiers.webhook import WebhookNotifier, signature
from notifiers.webhook_addresses import Webhook, read_webhook
from notifiers.webhook_client import webhook_session
from notifiers.webhook_errors import LONGEST_WAIT_S
from tests.support import faults
from tests.support.chat_facts import NOW_MS, make_alert
from tests.support.faults import Fault
from tests.support.names import Turning
from tests.support.webhook_server import WebhookServer

pytestmark = pytest.mark.asyncio
DOCS = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"
SECRET = "a-long-random-text-of-the-operator"
HOOK, DISCORD = "0a1b2c3d4e", "discord-0a1b2c3d4e"


def to(name: str, kind: AlertKind = AlertKind.ENTRY, **changes: object) -> Alert:
    return make_alert(kind, Channel.WEBHOOK, target=Target(Channel.WEBHOOK, name), **changes)


@contextlib.asynccontextmanager
async def notifier(server: WebhookServer, query: str = "") -> AsyncIterator[WebhookNotifier]:
    webhooks = [
        read_webhook(server.url + query, allow_private=True),
        Webhook(URL(f"{URL(server.url).origin()}/api/webhooks/77/T0K3N{query}"), DISCORD, True),
    ]
    webhooks[0] = Webhook(webhooks[0].url, HOOK)
    async with webhook_session(allow_private=True) as session:
        yield WebhookNotifier(session, webhooks, SECRET)


async def test_an_event_is_signed_and_carries_its_id(webhook_server: WebhookServer) -> None:
    async with notifier(webhook_server) as sender:
        assert (await sender.send(to(HOOK), NOW_MS)).remote_id is None
    [request] = webhook_server.requests
    assert (request.method, request.path) == ("POST", "/hook")
    headers = request.headers
    assert headers["content-type"] == "application/json"
    assert headers["hyperfade-event-id"] == request.json()["event_id"] == "hf-test-0000001"
    assert headers["hyperfade-timestamp"] == str(NOW_MS // 1000)
    assert headers["hyperfade-signature"] == signature(
        SECRET.encode(), headers["hyperfade-timestamp"], request.body
    )
    event = request.json()
    assert (event["kind"], event["repeated"], event["ending"]) == ("entry", False, None)
    assert event["created"] == "2026-01-05T12:03:03.000Z"
    assert event["id"] == event["opportunity"]["opportunity_id"]


async def test_a_repeat_is_the_same_event_and_says_so(webhook_server: WebhookServer) -> None:
    async with notifier(webhook_server) as sender:
        await sender.send(to(HOOK), NOW_MS)
        await sender.send(to(HOOK, is_repeat=True), NOW_MS + 90_000)
    first, second = webhook_server.requests
    assert second.json() == {**first.json(), "repeated": True}
    assert first.headers["hyperfade-event-id"] == second.headers["hyperfade-event-id"]
    assert first.headers["hyperfade-signature"] != second.headers["hyperfade-signature"]


async def test_an_exit_carries_its_result(webhook_server: WebhookServer) -> None:
    async with notifier(webhook_server) as sender:
        await sender.send(to(HOOK, AlertKind.EXIT), NOW_MS)
    ending = webhook_server.requests[0].json()["ending"]
    assert ending["reason"] in set(EndReason)
    assert ending["ended"].endswith("Z")


async def test_the_query_of_an_address_stays(webhook_server: WebhookServer) -> None:
    async with notifier(webhook_server, "?key=a%2Fb&thread_id=5") as sender:
        await sender.send(to(HOOK), NOW_MS)
        await sender.send(to(DISCORD), NOW_MS)
        await sender.send(to(DISCORD, edits=True, reply_to="99"), NOW_MS)
    assert [one.path for one in webhook_server.requests] == [
        "/hook?key=a/b&thread_id=5",
        "/api/webhooks/77/T0K3N?key=a/b&thread_id=5&wait=true",
        "/api/webhooks/77/T0K3N/messages/99?key=a/b&thread_id=5",
    ]


async def test_discord_gets_its_own_words_and_tells_its_id(webhook_server: WebhookServer) -> None:
    webhook_server.body = json.dumps({"id": "123456"}).encode()
    async with notifier(webhook_server) as sender:
        assert (await sender.send(to(DISCORD, is_silent=True), NOW_MS)).remote_id == "123456"
        assert (await sender.send(to(DISCORD), NOW_MS)).remote_id == "123456"
    silent, loud = webhook_server.requests
    assert silent.path == "/api/webhooks/77/T0K3N?wait=true"
    assert silent.json()["content"] == render_alert(make_alert(AlertKind.ENTRY, Channel.DISCORD), NOW_MS)
    assert silent.json()["allowed_mentions"] == {"parse": []}
    assert (silent.json()["flags"], loud.json()["flags"]) == (4 | 4096, 4)
    assert "hyperfade-signature" not in silent.headers


async def test_discords_message_is_changed_in_place(webhook_server: WebhookServer) -> None:
    webhook_server.body = b'{"id": "99"}'
    async with notifier(webhook_server) as sender:
        done = await sender.send(to(DISCORD, edits=True, reply_to="99"), NOW_MS)
    [request] = webhook_server.requests
    assert (request.method, request.path, done.remote_id) == (
        "PATCH",
        "/api/webhooks/77/T0K3N/messages/99",
        "99",
    )


async def test_an_answer_without_an_id_is_an_answer_all_the_same(webhook_server: WebhookServer) -> None:
    async with notifier(webhook_server) as sender:
        for webhook_server.body in (b"", b"not json", b"[1]", b'{"id": 5}', b'{"id": "../x"}'):
            assert (await sender.send(to(DISCORD), NOW_MS)).remote_id is None


async def test_a_webhook_taken_out_of_the_settings_is_gone(webhook_server: WebhookServer) -> None:
    async with notifier(webhook_server) as sender:
        with pytest.raises(TargetGone, match="isn't in the settings"):
            await sender.send(to("ffffffffff"), NOW_MS)


# --- what answers mean: a row a test ---------------------------------------------------------------

ANSWERS: list[tuple[int, type[DeliveryError] | None]] = [
    (200, None),
    (202, None),
    (204, None),
    (301, TargetGone),
    (302, TargetGone),
    (307, TargetGone),
    (400, MessageRefused),
    (401, TargetGone),
    (403, TargetGone),
    (404, TargetGone),
    (408, OutcomeUnknown),
    (410, TargetGone),
    (413, MessageRefused),
    (422, MessageRefused),
    (425, OutcomeUnknown),
    (429, NotSent),
    (500, OutcomeUnknown),
    (502, OutcomeUnknown),
    (503, OutcomeUnknown),
    (504, OutcomeUnknown),
]


@pytest.mark.parametrize("name", [HOOK, DISCORD])
@pytest.mark.parametrize(("status", "meaning"), ANSWERS, ids=[str(status) for status, _ in ANSWERS])
async def test_each_status_has_its_meaning(
    webhook_server: WebhookServer, name: str, status: int, meaning: type[DeliveryError] | None
) -> None:
    webhook_server.status = status
    webhook_server.headers = {"Location": webhook_server.url + "/elsewhere"}
    if status != 204:
        webhook_server.body = b"the receiver's own words"
    async with notifier(webhook_server) as sender:
        if meaning is None:
            await sender.send(to(name), NOW_MS)
        else:
            with pytest.raises(meaning) as caught:
                await sender.send(to(name), NOW_MS)
            assert "words" not in str(caught.value)
            assert "hook/" not in str(caught.value)
    assert len(webhook_server.requests) == 1  # no redirect followed, nothing tried twice


LOST: list[tuple[str, Fault, type[DeliveryError]]] = [
    ("closed before an answer", faults.close(), OutcomeUnknown),
    ("reset", faults.reset(), OutcomeUnknown),
    ("an answer that isn't HTTP's end", faults.bad_gateway(), OutcomeUnknown),
]


@pytest.mark.parametrize(("fault", "meaning"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
async def test_a_lost_answer_may_have_been_taken(
    webhook_server: WebhookServer, fault: Fault, meaning: type[DeliveryError]
) -> None:
    webhook_server.fail(fault)
    async with notifier(webhook_server) as sender:
        with pytest.raises(meaning):
            await sender.send(to(HOOK), NOW_MS)
    assert len(webhook_server.requests) == 1


async def test_no_answer_in_time_may_have_been_taken(webhook_server: WebhookServer) -> None:
    webhook_server.fail(faults.stall())
    async with webhook_session(allow_private=True) as session:
        session._timeout = aiohttp.ClientTimeout(total=0.2, connect=0.1)
        sender = WebhookNotifier(session, [Webhook(URL(webhook_server.url), HOOK)], SECRET)
        with pytest.raises(OutcomeUnknown):
            await sender.send(to(HOOK), NOW_MS)


async def test_refused_and_unknown_names_were_surely_not_sent(webhook_server: WebhookServer) -> None:
    async with notifier(webhook_server) as sender:
        await webhook_server.close()
        with pytest.raises(NotSent):
            await sender.send(to(HOOK), NOW_MS)
    async with webhook_session(allow_private=True) as session:
        sender = WebhookNotifier(session, [Webhook(URL("https://nowhere.invalid/x"), HOOK)], SECRET)
        with pytest.raises(NotSent):
            await sender.send(to(HOOK), NOW_MS)


async def test_an_address_inside_switches_the_webhook_off(webhook_server: WebhookServer) -> None:
    async with webhook_session(allow_private=False) as session:
        sender = WebhookNotifier(session, [Webhook(URL(webhook_server.url), HOOK)], SECRET)
        with pytest.raises(TargetGone, match="HYPERFADE_WEBHOOK_ALLOW_PRIVATE"):
            await sender.send(to(HOOK), NOW_MS)
    assert webhook_server.requests == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait_s"),
    [
        (429, {"Retry-After": "7"}, b"", 7.0),
        (429, {}, b'{"retry_after": 1.5, "global": false}', 1.5),
        (429, {"Retry-After": "2"}, b'{"retry_after": 1.5}', 1.5),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", None),
        (429, {"Retry-After": "1e99"}, b"", LONGEST_WAIT_S),
        (429, {"Retry-After": "nan"}, b"[]", None),
        (429, {"Retry-After": "-5"}, b"", 0.0),
        (503, {"Retry-After": "30"}, b"", 30.0),
    ],
)
async def test_the_receivers_own_pause_is_taken_within_reason(
    webhook_server: WebhookServer, status: int, headers: Mapping[str, str], body: bytes, wait_s: float | None
) -> None:
    webhook_server.status, webhook_server.headers, webhook_server.body = status, dict(headers), body
    async with notifier(webhook_server) as sender:
        with pytest.raises(NotSent) as caught:
            await sender.send(to(HOOK), NOW_MS)
    assert caught.value.retry_after_s == wait_s


async def test_of_an_endless_answer_only_the_beginning_is_read(webhook_server: WebhookServer) -> None:
    webhook_server.body = b'{"id": "1", "x": "' + b"x" * 6_000_000
    async with notifier(webhook_server) as sender:
        assert (await sender.send(to(HOOK), NOW_MS)).remote_id is None


# --- TLS -------------------------------------------------------------------------------------------


async def test_tls_is_asked_for_the_name_and_the_certificate_is_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hook.example"
    names = ("-addext", "subjectAltName=DNS:hook.example", "-keyout", str(key), "-out", str(certificate))
    making = await asyncio.create_subprocess_exec(*made.split(), *names, stderr=asyncio.subprocess.DEVNULL)
    assert await making.wait() == 0
    asked: list[object] = []
    heads: list[str] = []
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    serving.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        with contextlib.suppress(OSError):
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]
    async with server:
        webhook = Webhook(URL(f"https://hook.example:{port}/x"), HOOK)
        trusting = ssl.create_default_context(cafile=certificate)
        for tls, expected in ((trusting, None), (None, NotSent)):
            resolver = Turning(["127.0.0.1"])
            async with webhook_session(allow_private=True, resolver=resolver, tls=tls) as session:
                sender = WebhookNotifier(session, [webhook], SECRET)
                with contextlib.nullcontext() if expected is None else pytest.raises(expected):
                    await sender.send(to(HOOK), NOW_MS)
    assert asked == ["hook.example"] * 2
    assert [head.count(f"Host: hook.example:{port}") for head in heads] == [1]


async def test_the_documented_check_passes_for_what_is_sent(webhook_server: WebhookServer) -> None:
    example = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    place: dict[str, Any] = {}
    exec(example.group(1), place)
    async with notifier(webhook_server) as sender:
        await sender.send(to(HOOK), NOW_MS)
    [request] = webhook_server.requests
    headers = CIMultiDict(request.headers)
    assert place["is_from_hyperfade"](headers, request.body, SECRET, now=NOW_MS / 1000)


@pytest.mark.parametrize(("status", "error"), [(200, None), (404, TargetGone)])
async def test_the_status_counts_whatever_becomes_of_the_body(
    status: int, error: type[DeliveryError] | None
) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d Said\r\nContent-Length: 1000\r\n\r\nx" % status)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with webhook_session(allow_private=True) as session:
            webhook = Webhook(URL(f"http://127.0.0.1:{port}/"), HOOK)
            sending = WebhookNotifier(session, [webhook], SECRET).send(to(HOOK), NOW_MS)
            with contextlib.nullcontext() if error is None else pytest.raises(error):
                await sending
