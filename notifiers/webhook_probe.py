"""Look whether a webhook can be reached, without telling it anything."""

import aiohttp

from notifiers.webhook_addresses import Webhook
from notifiers.webhook_client import FAILURES
from notifiers.webhook_errors import answer_error, failure


async def probe(session: aiohttp.ClientSession, webhook: Webhook) -> str | None:
    """Return what is wrong, or None.

    Discord tells about a webhook of its own; of others nobody knows what they answer to anything but
    an event, so that an answer comes at all is enough.
    """
    method = "GET" if webhook.is_discord else "HEAD"
    try:
        async with session.request(method, webhook.url, allow_redirects=False) as answer:
            status = answer.status
    except FAILURES as error:
        return str(failure(error))
    if webhook.is_discord and (wrong := answer_error(status, {}, b"")) is not None:
        return str(wrong)
    return None
