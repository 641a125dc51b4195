"""Turn an alert or an answer into the text of one platform, never longer than it takes."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.model.alerts import Alert, AlertKind, Channel
from core.model.notices import ListFacts
from messages.environments import SUFFIXES, render_first
from messages.limits import DISCORD_CONTENT, TELEGRAM_TEXT_UNITS, cut, plain_text, room_left
from messages.marks import finalize

LISTS = ("lines", "opposing", "followed", "moved")
"""What of an alert's facts is cut when the message grows too long."""

TEMPLATES = {AlertKind.CROWD: "crowd_alert"}
"""Where an alert's words aren't named like its kind: the answer to /crowd is another."""

_BLANK_LINES = re.compile(r"\n{3,}")
_LINE_END = re.compile(r"[ \t]+$", re.MULTILINE)


DEMO = "DEMO: everything here is made up, on a simulated exchange."


def render_alert(alert: Alert, now_ms: int) -> str:
    """Return an alert in the words of its target's platform; ages are counted until ``now_ms``."""
    reasons = alert.opportunity.reasons if alert.opportunity is not None else ()
    if isinstance(alert.facts, ListFacts):
        reasons = alert.facts.reasons
    return render_answer(
        alert.target.channel,
        TEMPLATES.get(alert.kind, alert.kind.value),
        alert,
        is_demo=alert.is_demo,
        now_ms=now_ms,
        reasons=reasons,
        **{name: getattr(alert.facts, name, ()) for name in LISTS},
        # what is cut is cut from the end: the newest member is worth most
        members=getattr(alert.facts, "members", ())[::-1],
    )


@dataclass(frozen=True, slots=True)
class Fitted:
    """A finished message, and how many items of its lists didn't fit into it."""

    text: str
    hidden: int


def render_answer(channel: Channel, name: str, answer: Any, *, is_demo: bool = False, **facts: Any) -> str:
    """Return the answer in the words of template ``name``; the rest of the facts go in by name."""
    return fit_answer(channel, name, answer, is_demo=is_demo, **facts).text


def fit_answer(channel: Channel, name: str, answer: Any, *, is_demo: bool = False, **facts: Any) -> Fitted:
    """Return the same, and what didn't fit.

    What is a list (of the answer, or among the facts) is cut from its end until the message fits;
    the template learns of it as ``hidden``, the number of items that were cut. ``is_demo``: it is about
    invented traders, and in a chat begins with saying so; the console says it once, at the start.
    """
    # What reads alike everywhere has one template; a platform's own comes first.
    names = (_own(channel, name), f"shared/{name}.j2")
    lists = {key: value for key, value in facts.items() if _is_list(value)}
    if hasattr(answer, "items") and _is_list(answer.items):
        lists.setdefault("items", answer.items)
    longest = max((len(items) for items in lists.values()), default=0)
    keep = longest
    heading = f"{finalize(channel)(DEMO)}\n" if is_demo and channel is not Channel.CONSOLE else ""
    while True:
        shown = {key: items[:keep] for key, items in lists.items()}
        hidden = max((len(items) - len(shown[key]) for key, items in lists.items()), default=0)
        text = heading + _tidy(
            render_first(
                channel, names, {**facts, **shown, "answer": answer, "channel": channel, "hidden": hidden}
            )
        )
        excess = -room_left(channel, text)
        if excess <= 0:
            return Fitted(text, hidden)
        if keep == 0:
            return Fitted(_as_plain(channel, text), hidden)
        # A step by the measured excess needs few rounds; at least one item goes each time.
        keep -= max(1, keep * excess // (2 * max(len(text), 1)))


def _own(channel: Channel, name: str) -> str:
    spoken = channel if channel in SUFFIXES else Channel.CONSOLE
    return f"{spoken}/{name}.{SUFFIXES[spoken]}.j2"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _as_plain(channel: Channel, text: str) -> str:
    """Return what must fit even so without markup, cut at the limit: cut markup would be refused."""
    if channel is Channel.TELEGRAM:
        # Escaped again, since the reader parses it; length counts before that.
        return html.escape(cut(plain_text(text), TELEGRAM_TEXT_UNITS), quote=False)
    return cut(text.replace("```", ""), DISCORD_CONTENT)


def _tidy(text: str) -> str:
    return _BLANK_LINES.sub("\n\n", _LINE_END.sub("", text)).strip("\n")
