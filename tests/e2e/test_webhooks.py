"""Webhooks and other services as an operator meets them: settings, `notify test`, and nothing afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifiers.webhook import signature
from tests.support.command_line import run_command
from tests.support.program import data_folder, stored
from tests.support.webhook_server import WebhookServer

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]
SECRET = "a-long-random-text-of-the-operator"


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as made:
        yield made


async def test_a_rehearsal_reaches_each_and_their_addresses_stay_secret(
    folder: Path, webhook_server: WebhookServer
) -> None:
    hook = webhook_server.url.replace("/hook", "/H00K-path-and-all")
    service = webhook_server.url.replace("http://", "json://").replace("/hook", "/S3RV1CE-path")
    settings = {
        "HYPERFADE_WEBHOOK_URLS": hook,
        "HYPERFADE_WEBHOOK_SECRET": SECRET,
        "HYPERFADE_WEBHOOK_ALLOW_PRIVATE": "true",
        "HYPERFADE_APPRISE_URLS": service,
    }
    told = await run_command(folder, "notify", "test", "--json", **settings)
    assert told.code == 0, told.err
    rows = {row["target"].partition(":")[0]: row["state"] for row in json.loads(told.out)}
    assert rows == {"console": "sent", "webhook": "sent", "apprise": "sent"}
    by_path = {one.path: one for one in webhook_server.requests}
    event = by_path["/H00K-path-and-all"]
    assert event.json()["kind"] == "test"
    assert event.headers["hyperfade-signature"] == signature(
        SECRET.encode(), event.headers["hyperfade-timestamp"], event.body
    )
    assert "TEST" in by_path["/S3RV1CE-path"].json()["title"]
    again = await run_command(folder, "notify", "test", "--json")
    assert {row["target"].partition(":")[0] for row in json.loads(again.out)} == {"console"}
    assert len(webhook_server.requests) == 2
    async with stored(folder / "home") as database, database.connection() as connection:
        chats = str(await connection.fetch("select c::text from chats c"))
        alerts = str(await connection.fetch("select a::text from alerts a"))
    for text in (told.out, told.err, again.out, again.err, chats, alerts):
        assert "H00K" not in text
        assert "S3RV1CE" not in text
        assert SECRET not in text
