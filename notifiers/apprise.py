"""Send alerts to any service that Apprise knows: plain text, from a thread, since Apprise blocks."""

import asyncio
import logging
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import apprise

from core.errors import DeliveryError, MessageRefused, NotSent, OutcomeUnknown, SettingsError, TargetGone
from core.model.alerts import Alert, Channel, Delivered
from messages.render import render_alert
from notifiers.webhook_addresses import name_of

SEND_TIMEOUT_S = 30.0
"""Shorter than the dispatcher's; the thread goes on until Apprise's own time-outs, so it is unknown."""

_STATUS = re.compile(r"error=(\d{3})\b")


@dataclass(frozen=True, slots=True)
class Service:
    """One Apprise address, a secret, made ready to send."""

    name: str
    plugin: Any = field(repr=False)


def read_service(text: str) -> Service:
    """Check an address from the settings; raises SettingsError, which doesn't repeat it."""
    _be_silent()
    plugin = apprise.Apprise.instantiate(text, suppress_exceptions=True)
    if plugin is None:
        raise SettingsError(
            f"service {name_of(text)} of HYPERFADE_APPRISE_URLS is no address that Apprise knows: "
            "see https://github.com/caronc/apprise/wiki"
        )
    return Service(name_of(text), plugin)


class AppriseNotifier:
    """Send one alert through one service; nobody there knows a repeat."""

    channel = Channel.APPRISE

    def __init__(self, services: Iterable[Service], send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        self._services = {service.name: service for service in services}
        self._send_timeout_s = send_timeout_s
        # one send per service at a time: a service that hangs keeps no other waiting
        self._threads = ThreadPoolExecutor(max(2 * len(self._services), 1), "apprise")

    @property
    def names(self) -> tuple[str, ...]:
        """Return what the services are called, as targets."""
        return tuple(self._services)

    def close(self) -> None:
        """Wait for no thread; each ends with Apprise's own time-outs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        """Send the alert; raises DeliveryError as the table in ``meaning`` says."""
        service = self._services.get(alert.target.chat)
        if service is None:
            raise TargetGone("this service isn't in the settings any more")
        title, _, body = render_alert(alert, now_ms).partition("\n")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._send_timeout_s):
                taken, said = await loop.run_in_executor(
                    self._threads, _notify, service.plugin, title, body.strip("\n")
                )
        except TimeoutError:
            raise OutcomeUnknown("the service didn't answer in time") from None
        if not taken:
            raise meaning(said)
        return Delivered(None)


def meaning(said: str) -> DeliveryError:
    """Return what Apprise's log says about a failed send; its words are never shown."""
    found = _STATUS.search(said)
    status = int(found.group(1)) if found else None
    match status:
        case 401 | 403 | 404 | 410:
            return TargetGone(f"the service refuses us ({status}): check HYPERFADE_APPRISE_URLS")
        case 429:
            return NotSent("the service asks to slow down")
        case int() if 400 <= status < 500 and status not in (408, 425):
            return MessageRefused(f"the service refuses our message ({status})")
        case _:
            return OutcomeUnknown("the service didn't confirm" + (f" ({status})" if status else ""))


def _notify(plugin: Any, title: str, body: str) -> tuple[bool, str]:
    """Send, in a thread, and return whether it was taken and what Apprise logged about it."""
    sender = apprise.Apprise()
    sender.add(plugin)
    result = sender.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
    return bool(result), "\n".join(entry.message for entry in result.logs())


def _be_silent() -> None:
    """Keep Apprise's logs, and those of the client under it, out of ours: they name whole addresses."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    for name in ("urllib3", "requests", "requests_oauthlib", "oauthlib"):
        logging.getLogger(name).setLevel(logging.WARNING)
