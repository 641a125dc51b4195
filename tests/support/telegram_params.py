"""Read a method's parameters from whichever body a client sent."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.support.telegram_errors import bad_request

# Everything else stays text: a message may well read "true" or "[1]".
NESTED = {
    "allowed_updates",
    "caption_entities",
    "commands",
    "entities",
    "link_preview_options",
    "media",
    "menu_button",
    "message_ids",
    "reply_markup",
    "reply_parameters",
    "scope",
}
NUMBERS = {
    "cache_time",
    "chat_id",
    "limit",
    "max_connections",
    "message_id",
    "message_thread_id",
    "offset",
    "reply_to_message_id",
    "timeout",
    "user_id",
}
FLAGS = {
    "allow_sending_without_reply",
    "disable_notification",
    "disable_web_page_preview",
    "drop_pending_updates",
    "protect_content",
    "show_alert",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was uploaded."""

    name: str
    content_type: str
    data: bytes


Params = dict[str, Any]


def _value(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in NESTED:
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None
    if name in NUMBERS and value.removeprefix("-").isdigit():
        return int(value)
    if name in FLAGS:
        return value.lower() in ("true", "1", "yes")
    return value


async def read_params(request: web.Request) -> Params:
    """Return the parameters of the query, form, multipart or JSON body; files as `Upload`."""
    params: Params = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        if text:
            try:
                params.update(json.loads(text))
            except ValueError:
                raise bad_request("can't parse JSON object") from None
    elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                params[name] = Upload(value.filename, value.content_type, value.file.read())
            else:
                params[name] = value.decode() if isinstance(value, bytearray) else value
    return {name: _value(name, value) for name, value in params.items()}
