"""Hand updates to a bot as Telegram does: by long polling or by webhook, in order."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from tests.support.changes import Changes
from tests.support.telegram_errors import TERMINATED, WEBHOOK_ACTIVE, ApiError
from tests.support.wall_clock import now_seconds

# Sent only to bots that ask for them by name.
ON_REQUEST = {"chat_member", "message_reaction", "message_reaction_count"}
LONGEST_POLL_SECONDS = 50
WebhookReply = Callable[[dict[str, Any]], Awaitable[None]]


class UpdateQueue:
    """Keep updates until they're acknowledged by an offset or a webhook's 2xx."""

    def __init__(self, changes: Changes, on_webhook_reply: WebhookReply) -> None:
        self.pending: list[dict[str, Any]] = []
        self.all: list[dict[str, Any]] = []
        self.webhook_url = ""
        self.webhook_retry_seconds = 0.2
        self._secret = ""
        self._max_connections = 40
        self._allowed: list[str] = []
        self._last_error: tuple[int, str] | None = None
        self._next_id = 100_000_001
        self._changes = changes
        self._poll: asyncio.Future[None] | None = None
        self._delivery: asyncio.Task[None] | None = None
        self._on_webhook_reply = on_webhook_reply

    def put(self, kind: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        """Queue an update; return it, or None when the bot hasn't asked for its kind."""
        wanted = kind in self._allowed if self._allowed else kind not in ON_REQUEST
        if not wanted:
            return None
        update = {"update_id": self._next_id, kind: payload}
        self._next_id += 1
        self.all.append(update)
        self.put_again(update)
        return update

    def put_again(self, update: dict[str, Any]) -> None:
        """Queue an update that may have been handed out before, as a webhook's retry does."""
        self.pending.append(update)
        self._wake_poll()
        self._changes.announce()

    def _wake_poll(self, error: Exception | None = None) -> None:
        if self._poll is not None and not self._poll.done():
            if error is None:
                self._poll.set_result(None)
            else:
                self._poll.set_exception(error)

    async def poll(
        self, offset: int, limit: int, wait_seconds: float, allowed: list[str] | None
    ) -> list[dict[str, Any]]:
        """Answer getUpdates: forget what's below the offset, wait for something new."""
        if self.webhook_url:
            raise ApiError(409, WEBHOOK_ACTIVE)
        self._wake_poll(ApiError(409, TERMINATED))
        if allowed is not None:
            self._allowed = allowed
        if offset > 0:
            self.pending = [update for update in self.pending if update["update_id"] >= offset]
        elif offset < 0:
            self.pending = self.pending[offset:]
        self._changes.announce()
        if not self.pending and wait_seconds > 0:
            self._poll = poll = asyncio.get_running_loop().create_future()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(poll, min(wait_seconds, LONGEST_POLL_SECONDS))
        return self.pending[: max(1, min(limit, 100))]

    @property
    def is_polled(self) -> bool:
        """Say whether a long poll waits right now."""
        return self._poll is not None and not self._poll.done()

    def set_webhook(
        self, url: str, secret: str, max_connections: int, allowed: list[str] | None, drop: bool
    ) -> None:
        """Deliver to this address from now on; an empty one ends it."""
        if drop:
            self.pending.clear()
        if allowed is not None:
            self._allowed = allowed
        self._stop_delivery()
        self.webhook_url, self._secret, self._max_connections = url, secret, max_connections
        self._last_error = None
        if url:
            self._wake_poll(ApiError(409, TERMINATED))
            self._delivery = asyncio.get_running_loop().create_task(self._deliver())

    def info(self) -> dict[str, Any]:
        """Return the Bot API's `WebhookInfo`."""
        info: dict[str, Any] = {
            "url": self.webhook_url,
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending),
        }
        if self.webhook_url:
            info["max_connections"] = self._max_connections
            info["ip_address"] = "127.0.0.1"
        if self._allowed:
            info["allowed_updates"] = self._allowed
        if self._last_error is not None:
            info["last_error_date"], info["last_error_message"] = self._last_error
        return info

    async def close(self) -> None:
        """Stop delivering; what's pending stays."""
        delivery = self._delivery
        self._stop_delivery()
        if delivery is not None:
            await asyncio.wait([delivery])

    def resume(self) -> None:
        """Deliver again after `close`, if a webhook is set."""
        if self.webhook_url and self._delivery is None:
            self._delivery = asyncio.get_running_loop().create_task(self._deliver())

    def _stop_delivery(self) -> None:
        if self._delivery is not None:
            self._delivery.cancel()
            self._delivery = None

    async def _deliver(self) -> None:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._secret} if self._secret else {}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client:
            while True:
                await self._changes.until(lambda: self.pending, seconds=float("inf"))
                update = self.pending[0]
                problem = ""
                try:
                    async with client.post(self.webhook_url, json=update, headers=headers) as response:
                        body = await response.read()
                        if response.ok:
                            self.pending.remove(update)
                            self._changes.announce()
                            if body.strip() and response.content_type == "application/json":
                                await self._on_webhook_reply(await response.json())
                        else:
                            problem = f"Wrong response from the webhook: {response.status} {response.reason}"
                except (aiohttp.ClientError, TimeoutError):
                    problem = "Connection failed"
                if problem:
                    self._last_error = (int(now_seconds()), problem)
                    self._changes.announce()
                    await asyncio.sleep(self.webhook_retry_seconds)
