"""Post alerts to webhooks: signed events as JSON, or messages into a Discord channel."""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import aiohttp

from core.errors import TargetGone
from core.model.alerts import Alert, Channel, Delivered
from messages.json_alerts import alert_event
from messages.render import render_alert
from notifiers.webhook_addresses import Webhook
from notifiers.webhook_client import FAILURES
from notifiers.webhook_errors import answer_error, failure

MOST_READ = 64 * 1024
TIMESTAMP, EVENT_ID, SIGNATURE = "Hyperfade-Timestamp", "Hyperfade-Event-Id", "Hyperfade-Signature"
SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 12
"""https://discord.com/developers/docs/resources/message#message-object-message-flags."""


class WebhookNotifier:
    """Post one alert; a repeat carries the same event id."""

    channel = Channel.WEBHOOK

    def __init__(self, session: aiohttp.ClientSession, webhooks: Iterable[Webhook], secret: str) -> None:
        """``secret``: signs the events; nobody needs it where all webhooks are Discord's."""
        self._session = session
        self._webhooks = {webhook.name: webhook for webhook in webhooks}
        self._secret = secret.encode()

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the webhooks are called, as targets."""
        return tuple(self._webhooks)

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        """Post the alert; raises DeliveryError as ``webhook_errors`` says."""
        webhook = self._webhooks.get(alert.target.chat)
        if webhook is None:
            raise TargetGone("this webhook isn't in the settings any more")
        if webhook.is_discord:
            return await self._to_discord(webhook, alert, now_ms)
        body = alert_event(alert)
        timestamp = str(now_ms // 1000)
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP: timestamp,
            EVENT_ID: alert.nonce,
            SIGNATURE: signature(self._secret, timestamp, body),
        }
        await self._request("POST", webhook, "", {}, body, headers)
        return Delivered(None)

    async def _to_discord(self, webhook: Webhook, alert: Alert, now_ms: int) -> Delivered:
        text = render_alert(replace(alert, target=replace(alert.target, channel=Channel.DISCORD)), now_ms)
        headers = {"Content-Type": "application/json"}
        message: dict[str, Any] = {"content": text, "allowed_mentions": {"parse": []}}
        if alert.edits and alert.reply_to is not None and alert.reply_to.isdecimal():
            place = f"/messages/{alert.reply_to}"
            await self._request("PATCH", webhook, place, {}, json.dumps(message).encode(), headers)
            return Delivered(alert.reply_to)
        message["flags"] = SUPPRESS_EMBEDS | (SUPPRESS_NOTIFICATIONS if alert.is_silent else 0)
        # without wait=true Discord answers before it has stored anything, and doesn't tell the id
        body = json.dumps(message).encode()
        return Delivered(
            _message_id(await self._request("POST", webhook, "", {"wait": "true"}, body, headers))
        )

    async def _request(
        self,
        method: str,
        webhook: Webhook,
        below: str,
        query: Mapping[str, str],
        body: bytes,
        headers: Mapping[str, str],
    ) -> bytes:
        url = webhook.url.update_query(query) if query else webhook.url
        if below:
            path = webhook.url.raw_path.rstrip("/") + below
            url = url.with_path(path, encoded=True, keep_query=True)
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                read = b""
                with suppress(*FAILURES):  # the status is the answer, whatever becomes of its body
                    read = await _at_most(answer.content, MOST_READ)
                error = answer_error(answer.status, answer.headers, read)
        except FAILURES as cause:
            raise failure(cause) from cause
        if error is not None:
            raise error
        return read


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return ``sha256=`` and the hex HMAC-SHA256 over timestamp, a dot and the body."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


async def _at_most(stream: aiohttp.StreamReader, size: int) -> bytes:
    read = b""
    while len(read) < size and (chunk := await stream.read(size - len(read))):
        read += chunk
    return read


def _message_id(answer: bytes) -> str | None:
    """Return the id of the new message, where the answer tells it: it was taken all the same."""
    try:
        found = json.loads(answer).get("id")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) and found.isdecimal() else None
