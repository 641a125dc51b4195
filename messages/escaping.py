"""Make foreign text harmless on each platform: no markup, no mention, no invisible trick."""

import html
import re
import unicodedata

from core.model.alerts import Channel
from messages.limits import FOREIGN_TEXT, cut

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Control, format (bidi, zero width), surrogate, private and unassigned signs."""

_SPACE = re.compile(r"\s+")
_MARKDOWN = re.compile(r"[\\`*_~|<>\[\]()]")
_MARKDOWN_AT_START = re.compile(r"^(?=[#+-]|\d+\.)")


def clean(text: str, limit: int = FOREIGN_TEXT) -> str:
    """Return one line without control, bidi and zero-width signs, of at most ``limit`` units.

    ``@`` becomes its full-width twin: it reads the same and mentions nobody on any platform.
    """
    spaced = _SPACE.sub(" ", text)
    visible = "".join(sign for sign in spaced if unicodedata.category(sign) not in _INVISIBLE)
    return cut(visible.strip().replace("@", "＠"), limit)


def escape(channel: Channel, text: str) -> str:
    """Return clean text so that the platform shows it as it is, outside of code."""
    match channel:
        case Channel.TELEGRAM:
            return html.escape(text, quote=False)
        case Channel.DISCORD:
            # A list or heading needs its sign at the start; elsewhere a dash stays readable.
            return _MARKDOWN_AT_START.sub(r"\\", _MARKDOWN.sub(r"\\\g<0>", text))
        case Channel.CONSOLE | Channel.WEBHOOK | Channel.APPRISE:
            return text


def escape_code(channel: Channel, text: str) -> str:
    """Return clean text so that the platform shows it as it is, inside of code."""
    match channel:
        case Channel.TELEGRAM:
            return html.escape(text, quote=False)
        case Channel.DISCORD:
            # Nothing escapes a backtick inside a code block, so it becomes what looks like one.
            return text.replace("`", "ˋ")
        case Channel.CONSOLE | Channel.WEBHOOK | Channel.APPRISE:
            return text
