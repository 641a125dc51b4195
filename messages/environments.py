"""Which templates speak: the built-in ones, and the user's own before them where there are any."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateNotFound
from jinja2.meta import find_referenced_templates

from core.model.alerts import Channel
from messages.marks import filters, finalize

SUFFIXES = {Channel.TELEGRAM: "html", Channel.DISCORD: "md", Channel.CONSOLE: "txt"}
"""The platforms with words of their own; everybody else reads what the console reads."""

OPTIONS: dict[str, Any] = {
    # Autoescape keeps marks apart from text; the escaping itself is finalize's, by platform.
    "autoescape": True,
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
}


class OwnWords(Protocol):
    """The user's own templates, wherever they are rendered."""

    def render(self, channel: Channel, names: Sequence[str], facts: dict[str, Any]) -> str | None:
        """Return the first template that there is, rendered; None where the built-in one is to speak."""


_own: OwnWords | None = None


def use_own(words: OwnWords | None) -> None:
    """Let the user's own templates come before the built-in ones, in this process; None: there are none."""
    global _own  # one process speaks in one way
    _own = words


def render_first(channel: Channel, names: Sequence[str], facts: dict[str, Any]) -> str:
    """Return the first template that there is, rendered: the user's own, or the built-in one."""
    text = None if _own is None else _own.render(channel, names, facts)
    return built_in(channel).select_template(names).render(facts) if text is None else text


@cache
def built_in(channel: Channel) -> Environment:
    """Return the environment of the built-in templates for one platform."""
    environment = Environment(  # noqa: S701  autoescape is among the options
        loader=PackageLoader("messages"), finalize=finalize(channel), **OPTIONS
    )
    environment.filters.update(filters(channel))
    return environment


@cache
def read_by(channel: Channel, names: Sequence[str]) -> frozenset[str]:
    """Return the names of all templates that rendering one of these may read, itself among them."""
    environment = built_in(channel)
    assert environment.loader is not None
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            source = environment.loader.get_source(environment, name)[0]
        except TemplateNotFound:  # a platform without words of its own
            continue
        waiting += filter(None, find_referenced_templates(environment.parse(source)))
    return frozenset(found)
