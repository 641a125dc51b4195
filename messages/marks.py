"""The filters that templates use: figures are the same everywhere, marks differ by platform."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from core.counting import counted
from core.model.alerts import Channel
from messages import figures
from messages.escaping import clean, escape, escape_code
from messages.limits import SENTENCE, cut

CHATS = (Channel.TELEGRAM, Channel.DISCORD)

NO_BREAK = "\u00a0"
"""A space at which no line ends."""

LABEL_COLUMNS = 10
"""How wide the column of labels is on the console."""

FIGURES: dict[str, Callable[..., str]] = {
    "usd": figures.usd,
    "number": figures.number,
    "bps": figures.bps,
    "percent": figures.percent,
    "pct": figures.pct,
    "price": figures.price,
    "duration": figures.duration,
    "utc": figures.utc,
    "utc_minute": figures.utc_minute,
    "utc_time": figures.utc_time,
    "local_minute": figures.local_minute,
    "local_time": figures.local_time,
}
"""Their text holds digits, units and signs that no platform reads as markup."""


def filters(channel: Channel) -> dict[str, Callable[..., Any]]:
    """Return the filters of one platform's templates; all results are safe to print there."""
    marks = _Marks(channel)
    return {
        **{name: _safe(figure) for name, figure in FIGURES.items()},
        "bold": marks.bold,
        "label": marks.label,
        "code": marks.code,
        "trader": marks.trader,
        "left": marks.left,
        "right": marks.right,
        "whole": marks.whole,
        "pre": marks.pre,
        "plural": counted,
        "tiny": figures.tiny_address,
    }


def finalize(channel: Channel) -> Callable[[Any], Any]:
    """Return what every printed value passes: foreign text is cleaned and escaped, marks stay."""

    def harmless(value: Any) -> Any:
        if isinstance(value, _Piece):
            return Markup(_unbroken(channel, value))  # noqa: S704  digits and units only
        if isinstance(value, Markup):
            return value
        return Markup(escape(channel, clean(str(value))))  # noqa: S704  escaped for this platform

    return harmless


class _Piece(Markup):
    """A number and its unit, which a phone's short lines mustn't tear apart."""

    __slots__ = ()


def _safe(figure: Callable[..., str]) -> Callable[..., Markup]:
    def marked(*args: Any, **kwargs: Any) -> Markup:
        return _Piece(figure(*args, **kwargs))  # digits and units only

    return marked


def _unbroken(channel: Channel, text: str) -> str:
    return text.replace(" ", NO_BREAK) if channel in CHATS else text


class _Marks:
    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def bold(self, value: Any) -> Markup:
        """Return the value in bold; as it is on the console."""
        text = self._escaped(value)
        match self.channel:
            case Channel.TELEGRAM:
                return Markup(f"<b>{text}</b>")  # noqa: S704
            case Channel.DISCORD:
                return Markup(f"**{text}**")  # noqa: S704
            case Channel.CONSOLE | Channel.WEBHOOK | Channel.APPRISE:
                return Markup(text)  # noqa: S704

    def label(self, value: Any) -> Markup:
        """Return what a line is about: in bold, or on the console in a column of its own."""
        if self.channel in CHATS:
            return Markup(f"{self.bold(value)} ")  # noqa: S704
        return Markup(f"{self._escaped(value):<{LABEL_COLUMNS}}")  # noqa: S704

    def whole(self, value: Any) -> Markup:
        """Return a sentence of ours that may be longer than foreign text."""
        return Markup(escape(self.channel, clean(str(value), SENTENCE)))  # noqa: S704

    def code(self, value: Any) -> Markup:
        """Return the value in a fixed font, which a tap copies on a phone."""
        text = escape_code(self.channel, clean(str(value)))
        match self.channel:
            case Channel.TELEGRAM:
                return Markup(f"<code>{text}</code>")  # noqa: S704
            case Channel.DISCORD:
                return Markup(f"`{text or ' '}`")  # noqa: S704
            case Channel.CONSOLE | Channel.WEBHOOK | Channel.APPRISE:
                return Markup(text)  # noqa: S704

    def pre(self, block: Any) -> Markup:
        """Return lines of cells in a fixed font."""
        text = str(block).strip("\n")
        match self.channel:
            case Channel.TELEGRAM:
                return Markup(f"<pre>{text}</pre>\n")  # noqa: S704  cells are escaped already
            case Channel.DISCORD:
                return Markup(f"```\n{text}\n```\n")  # noqa: S704
            case Channel.CONSOLE | Channel.WEBHOOK | Channel.APPRISE:
                return Markup(f"{text}\n")  # noqa: S704

    def trader(self, address: str, text: str = "") -> Markup:
        """Return an address in short (or ``text``), linked to its page; whole where links show."""
        url = figures.explorer_url(address)
        if self.channel not in CHATS or url is None:
            return Markup(self._escaped(text or address))  # noqa: S704
        short = self._escaped(text or figures.short_address(address))
        if self.channel is Channel.TELEGRAM:
            return Markup(f'<a href="{url}">{short}</a>')  # noqa: S704  hex digits, escaped words
        return Markup(f"[{short}](<{url}>)")  # noqa: S704  hex digits, escaped words

    def left(self, value: Any, width: int) -> Markup:
        """Return a table cell, padded on the right, for use inside a block of code."""
        return self._cell(value, width, str.ljust)

    def right(self, value: Any, width: int) -> Markup:
        """Return a table cell, padded on the left, for use inside a block of code."""
        return self._cell(value, width, str.rjust)

    def _cell(self, value: Any, width: int, pad: Callable[[str, int], str]) -> Markup:
        text = pad(cut(clean(_text(value)), width), width)
        return Markup(escape_code(self.channel, text))  # noqa: S704

    def _escaped(self, value: Any) -> str:
        if isinstance(value, _Piece):
            return _unbroken(self.channel, value)
        return str(value) if isinstance(value, Markup) else escape(self.channel, clean(str(value)))


def _text(value: Any) -> str:
    if isinstance(value, Markup):
        return value.unescape()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
