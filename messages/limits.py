"""How long a message may be on each platform, and how length is counted there."""

import html
import re

from core.model.alerts import Channel

TELEGRAM_TEXT_UNITS = 4096
"""UTF-16 units after markup is parsed: https://core.telegram.org/bots/api#sendmessage."""

TELEGRAM_CAPTION_UNITS = 1024
"""The same under a picture: https://core.telegram.org/bots/api#sendphoto."""

TELEGRAM_CALLBACK_BYTES = 64
"""What a button carries: https://core.telegram.org/bots/api#inlinekeyboardbutton."""

TELEGRAM_CALLBACK_ANSWER = 200
"""Characters shown over the chat: https://core.telegram.org/bots/api#answercallbackquery."""

NOTICE = TELEGRAM_CALLBACK_ANSWER
"""The shortest of what platforms show over a chat."""

TELEGRAM_LABEL = 64
"""No limit of the platform's: what a phone shows of a button."""

TELEGRAM_ENTITIES = 100
"""Marked-up pieces of one message; more are dropped: https://core.telegram.org/bots/api#messageentity."""

TELEGRAM_TABLE_COLUMNS = 34
"""What a narrow phone shows of a ``<pre>`` line without breaking it (observed)."""

TELEGRAM_COMMAND_DESCRIPTION = 256
"""https://core.telegram.org/bots/api#botcommand."""

DISCORD_CONTENT = 2000
"""Characters: https://discord.com/developers/docs/resources/message#create-message."""

DISCORD_COMMAND_DESCRIPTION = 100
"""https://discord.com/developers/docs/interactions/application-commands#application-command-object."""

DISCORD_NONCE = 25
"""https://discord.com/developers/docs/resources/message#create-message."""

DISCORD_ROWS, DISCORD_BUTTONS_IN_ROW, DISCORD_LABEL, DISCORD_CUSTOM_ID = 5, 5, 80, 100
"""https://discord.com/developers/docs/components/reference#button."""

DISCORD_ALT = 1024
"""https://discord.com/developers/docs/resources/message#attachment-object."""

DISCORD_CHOICES, DISCORD_CHOICE = 25, 100
"""Choices of an autocomplete, and the characters of each name and value:
https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-autocomplete.
"""

CONSOLE_TEXT = 100_000
"""No platform's limit: only a bound, so that nothing is unbounded."""

FOREIGN_TEXT = 200
"""The most that one foreign string (a name, a title, a reason) may take of a message."""

SENTENCE = 500
"""The most that one sentence of our own (the evidence verdict) may take."""

_TAG = re.compile(r"<[^<>]*>")


def plain_text(source: str) -> str:
    """Return the text that people see of Telegram's HTML as our templates write it."""
    return html.unescape(_TAG.sub("", source))


def utf16_units(text: str) -> int:
    """Count UTF-16 units, as Telegram does."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def room_left(channel: Channel, source: str) -> int:
    """Return how many units a finished message has left; negative when it is too long."""
    match channel:
        case Channel.TELEGRAM:
            if source.count("</") > TELEGRAM_ENTITIES:
                return TELEGRAM_ENTITIES - source.count("</")
            return TELEGRAM_TEXT_UNITS - utf16_units(plain_text(source))
        case Channel.DISCORD:
            # Characters or UTF-16 units isn't said: the larger count is safe either way.
            return DISCORD_CONTENT - utf16_units(source)
        case Channel.CONSOLE | Channel.WEBHOOK | Channel.APPRISE:
            return CONSOLE_TEXT - len(source)


def cut(text: str, units: int) -> str:
    """Return plain text of at most so many UTF-16 units, ended by ``…`` where something is missing."""
    if utf16_units(text) <= units:
        return text
    kept: list[str] = []
    used = 1
    for sign in text:
        used += utf16_units(sign)
        if used > units:
            break
        kept.append(sign)
    return "".join(kept).rstrip() + "…"
