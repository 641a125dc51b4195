"""What a webhook's answer means for a delivery: one table, from status or failure to our errors.

The answer's words are never shown: they are whatever the receiver likes.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite

from core.errors import DeliveryError, MessageRefused, NotSent, OutcomeUnknown, TargetGone
from notifiers.webhook_client import BEFORE_SENDING, AddressRefused

LONGEST_WAIT_S = 3600.0
"""The longest that a receiver may tell us to wait."""


def failure(error: BaseException) -> DeliveryError:
    """Return what a request means that got no answer."""
    if isinstance(error, AddressRefused) or isinstance(error.__cause__, AddressRefused):
        return TargetGone(f"not connected: {error if isinstance(error, AddressRefused) else error.__cause__}")
    if isinstance(error, BEFORE_SENDING):
        return NotSent(f"the webhook can't be reached: {type(error).__name__}")
    return OutcomeUnknown(f"no clear answer from the webhook: {type(error).__name__}")


def answer_error(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError | None:
    """Return what an answer means; None: it was taken."""
    match status:
        case _ if 200 <= status < 300:
            return None
        case _ if 300 <= status < 400:
            return TargetGone(f"the webhook redirects ({status}): set its final address")
        case 401 | 403 | 404 | 410:
            return TargetGone(f"the webhook refuses us ({status}): check its address")
        case 429:
            wait_s = retry_after_s(headers, body)
            return NotSent("the webhook asks to slow down", retry_after_s=wait_s)
        case 503 if (wait_s := retry_after_s(headers, b"")) is not None:
            return NotSent("the webhook asks to come back later", retry_after_s=wait_s)
        case _ if status in (408, 425) or status >= 500 or status < 200:
            return OutcomeUnknown(f"the webhook answers {status}")
        case _:
            return MessageRefused(f"the webhook refuses our message ({status})")


def retry_after_s(headers: Mapping[str, str], body: bytes) -> float | None:
    """Return the wait that an answer asks for: a header of seconds, or Discord's field; None: none."""
    found: object = None
    with suppress(ValueError, AttributeError):
        found = json.loads(body).get("retry_after")
    try:
        seconds = float(str(headers["Retry-After"] if found is None else found))
    except (KeyError, ValueError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT_S) if isfinite(seconds) else None
