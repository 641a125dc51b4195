"""Templates of the user's own: strangers' code, so nothing that they can write prints foreign text unescaped.

They run in a sandbox. It bounds what they reach, not their time nor their memory: who renders them must.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    TemplateNotFound,
    TemplateSyntaxError,
    nodes,
)
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from core.model.alerts import Channel
from messages.environments import OPTIONS, SUFFIXES, built_in, read_by
from messages.limits import CONSOLE_TEXT
from messages.marks import filters, finalize

UNSAFE_FILTERS = ("safe", "escape", "e", "forceescape", "urlize", "xmlattr", "tojson", "striptags")
"""They make text that counts as escaped, but not in the way of every platform; or take escapes away."""

MIXING_FILTERS = ("join", "replace", "format")

UNSAFE_BLOCKS = (nodes.MarkSafe, nodes.MarkSafeIfAutoescape, nodes.ScopedEvalContextModifier)

EXAMPLE = "telegram/entry.html.j2"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a template of the user's own, and in which file and line."""

    place: str
    problem: str
    error: Exception


class _OwnEnvironment(SandboxedEnvironment):
    """The sandbox of a user's templates: marks can be printed, but not be mixed with other text."""

    intercepted_binops = frozenset({"+", "%", "*"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return _joining(super()._parse(source, name, filename))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not isinstance(obj, Markup) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        if isinstance(getattr(value, "__self__", None), Markup):
            return None
        return super().wrap_str_format(value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, Markup) or isinstance(right, Markup):
            raise SecurityError(f"{operator} can't be used on marked text: write the pieces side by side")
        return super().call_binop(context, operator, left, right)


def own_names(folder: Path) -> list[str]:
    """Return the names of the templates in a folder; an editor's lock, a link to nowhere, is none."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.j2") if path.is_file())


def own_among(folder: Path, channel: Channel, names: Sequence[str]) -> list[str]:
    """Return which templates of the folder have a say when the first of these names is rendered."""
    return sorted(name for name in read_by(channel, tuple(names)) if (folder / name).is_file())


def replaces_something(name: str) -> bool:
    """Return whether a file of this name has an effect: it replaces a built-in one, or is a piece."""
    return Path(name).name.startswith("_") or name in _known()


def render_own(channel: Channel, folder: Path, names: Sequence[str], facts: dict[str, Any]) -> str | Fault:
    """Return the first template that there is, rendered, or why it can't be; the folder's come first."""
    try:
        text = _own(channel, folder).select_template(names).render(facts)
        if len(text) > CONSOLE_TEXT:
            raise ValueError(f"it makes {len(text):,} characters, at most {CONSOLE_TEXT:,} are expected")
    except Exception as error:  # whatever a user's template does
        return _described(error, folder, ", ".join(own_among(folder, channel, names)))
    return text


def check_own(folder: Path, name: str) -> Fault | None:
    """Compile one template for every platform; return what is wrong with it."""
    for channel in SUFFIXES:
        try:
            _own(channel, folder).get_template(name)
        except Exception as error:  # constants are computed here: anything can happen
            return _described(error, folder, name)
    return None


@cache
def _known() -> frozenset[str]:
    return frozenset(built_in(Channel.TELEGRAM).list_templates())


@cache
def _own(channel: Channel, folder: Path) -> Environment:
    # The folder's files are looked at again whenever they change.
    loader = ChoiceLoader([_CheckedLoader(folder), PackageLoader("messages")])
    environment = _OwnEnvironment(loader=loader, finalize=finalize(channel), **OPTIONS)
    for name in UNSAFE_FILTERS:
        del environment.filters[name]
    for name in MIXING_FILTERS:
        environment.filters[name] = _unmixed(channel, name, environment.filters[name])
    environment.filters.update(filters(channel))
    return environment


def _unmixed(channel: Channel, name: str, filter_: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that mixes no other text into marked text: all of it would count as escaped."""
    harmless = finalize(channel)

    @wraps(filter_)  # also what Jinja2 is told of it: whether it wants the context
    def plain(*args: Any, **kwargs: Any) -> Any:
        args = tuple(list(arg) if isinstance(arg, Iterator) else arg for arg in args)
        parts = [part for arg in (*args, *kwargs.values()) for part in (arg if _is_many(arg) else (arg,))]
        texts = [part for part in parts if isinstance(part, str)]
        if any(isinstance(part, Markup) for part in texts) and any(
            not isinstance(part, Markup) and part.strip() != harmless(part) for part in texts
        ):
            raise SecurityError(f"{name} can't mix marked and other text: write the pieces side by side")
        return filter_(*args, **kwargs)

    return plain


def _is_many(value: Any) -> bool:
    return isinstance(value, list | tuple)


class _CheckedLoader(FileSystemLoader):
    """Refuses what could print a foreign string unescaped, before it is compiled."""

    def __init__(self, folder: Path) -> None:
        super().__init__(os.fspath(folder))

    def load(self, environment: Environment, name: str, globals: Any = None) -> Any:
        source, filename, _ = self.get_source(environment, name)
        for node in _walk(environment.parse(source, name, filename)):
            if isinstance(node, UNSAFE_BLOCKS):
                raise TemplateSyntaxError("escaping can't be switched off", node.lineno, name, filename)
        return super().load(environment, name, globals)


def _joining(tree: nodes.Template) -> nodes.Template:
    """Let ``a ~ b`` be ``[a, b] | join``, which mixes no other text into marked text."""
    for parent in list(_walk(tree)):
        for field, value in list(parent.iter_fields()):
            if isinstance(value, list):
                value[:] = [_joined(one, tree) for one in value]
            else:
                setattr(parent, field, _joined(value, tree))
    return tree


def _joined(node: Any, tree: nodes.Template) -> Any:
    if not isinstance(node, nodes.Concat):
        return node
    pieces = nodes.List(node.nodes)
    joined = nodes.Filter(pieces, "join", [], [], None, None)
    assert tree.environment is not None
    return joined.set_lineno(node.lineno).set_environment(tree.environment)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _described(error: Exception, folder: Path, name: str) -> Fault:
    """Find the user's file and line where an error is; ``name`` where it is in none."""
    problem = str(error) or type(error).__name__
    if isinstance(error, TemplateSyntaxError):
        return Fault(f"{error.name or name}, line {error.lineno}", error.message or problem, error)
    if isinstance(error, TemplateNotFound):
        return Fault(name, f"there is no template {error.name}", error)
    place, trace = name, error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(folder):
            place = f"{path.relative_to(folder).as_posix()}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return Fault(place, problem, error)
