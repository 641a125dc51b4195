"""What in a text is a secret, or a part of one, and how it is hidden."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

TELEGRAM_TOKEN = re.compile(r"\d{6,}:[\w-]{30,}")
DISCORD_WEBHOOK = re.compile(r"(/api/(?:v\d+/)?webhooks/\d+/)[\w-]+")
URL_PASSWORD = re.compile(r"(\w+://[^:/@\s]*:)[^@\s]+@")
HIDDEN = "[hidden]"

SHORTEST_PART = 6
"""A shorter part of an address is a common word rather than a secret."""


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return the text with the given secrets, bot tokens, webhook and password URLs hidden."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    text = TELEGRAM_TOKEN.sub(HIDDEN, text)
    text = DISCORD_WEBHOOK.sub(rf"\1{HIDDEN}", text)
    return URL_PASSWORD.sub(rf"\1{HIDDEN}@", text)


def address_secrets(url: str) -> list[str]:
    """Return a secret address and each part of it that may be a secret by itself.

    Services put their tokens anywhere: Slack's is the host of ``slack://TOKEN/TOKEN``. A host that
    is a name or a number is no secret.
    """
    _, _, rest = url.strip().partition("://")
    place, _, beyond = rest.partition("/")
    place, _, query = place.partition("?")
    user, _, host = place.rpartition("@")
    pieces = re.split(r"[/:?&=#,;]+", f"{user}/{beyond}/{query}")
    if "." not in host and ":" not in host and host != "localhost":
        pieces.append(host)
    parts = {form for piece in pieces for form in (piece, unquote(piece)) if len(form) >= SHORTEST_PART}
    return [url.strip(), *sorted(parts, key=len, reverse=True)]
