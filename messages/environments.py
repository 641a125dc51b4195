"""Where templates come from: the built-in ones, and a folder of the user's own before them.

The user's are strangers' code: they run in a sandbox, and nothing they can write prints a foreign
string unescaped. A template that fails gives way to the built-in one.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    nodes,
)
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from core.errors import SettingsError
from core.model.alerts import Channel
from messages.marks import filters, finalize

SUFFIXES = {Channel.TELEGRAM: "html", Channel.DISCORD: "md", Channel.CONSOLE: "txt"}
"""The platforms with words of their own; everybody else reads what the console reads."""

UNSAFE_FILTERS = ("safe", "escape", "e", "forceescape", "urlize", "xmlattr", "tojson", "striptags")
"""They make text that counts as escaped, but not in the way of every platform; or take escapes away."""

MIXING_FILTERS = ("join", "replace", "format")

UNSAFE_BLOCKS = (nodes.MarkSafe, nodes.MarkSafeIfAutoescape, nodes.ScopedEvalContextModifier)

EXAMPLE = "telegram/entry.html.j2"

OPTIONS: dict[str, Any] = {
    # Autoescape keeps marks apart from text; the escaping itself is finalize's, by platform.
    "autoescape": True,
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
}


class _OwnEnvironment(SandboxedEnvironment):
    """The sandbox of a user's templates: marks can be printed, but not be mixed with other text."""

    intercepted_binops = frozenset({"+", "%", "*"})

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


_folder: Path | None = None


def use_folder(folder: Path | None) -> None:
    """Let the templates in a folder come before the built-in ones, in this process; None: none."""
    global _folder  # one process speaks in one way
    _folder = folder


def render_first(channel: Channel, names: Sequence[str], facts: dict[str, Any]) -> str:
    """Return the first template that there is, rendered: the user's own, or the built-in one."""
    if _folder is not None:
        try:
            return _own(channel, _folder).select_template(names).render(facts)
        except Exception as error:  # whatever a user's template does, the alert goes out
            _tell_once(names[0], *_where(error, _folder))
    return built_in(channel).select_template(names).render(facts)


@cache
def built_in(channel: Channel) -> Environment:
    """Return the environment of the built-in templates for one platform."""
    environment = Environment(  # noqa: S701  autoescape is among the options
        loader=PackageLoader("messages"), finalize=finalize(channel), **OPTIONS
    )
    environment.filters.update(filters(channel))
    return environment


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
            if isinstance(node, nodes.Concat):
                problem = "~ isn't available here: write the pieces side by side"
            elif isinstance(node, UNSAFE_BLOCKS):
                problem = "escaping can't be switched off"
            else:
                continue
            raise TemplateSyntaxError(problem, node.lineno, name, filename)
        return super().load(environment, name, globals)


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def check_folder(folder: Path) -> int:
    """Return how many templates a folder holds.

    Raises:
        SettingsError: there is none, one replaces nothing, or one is wrong; names file and line.
    """
    if not folder.is_dir():
        raise SettingsError(f"HYPERFADE_TEMPLATES_DIR: {folder} is no folder; make it, or unset the setting")
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.j2"))
    if not found:
        raise SettingsError(
            f"HYPERFADE_TEMPLATES_DIR: no template in {folder}: expected a file such as {EXAMPLE}"
        )
    known = set(built_in(Channel.TELEGRAM).list_templates())
    for name in found:
        if name not in known and not Path(name).name.startswith("_"):
            raise SettingsError(
                f"HYPERFADE_TEMPLATES_DIR: {name} replaces nothing: expected the name of a built-in template "
                f"such as {EXAMPLE}, or one that begins with _ for pieces of your own"
            )
        for channel in SUFFIXES:
            try:
                _own(channel, folder).get_template(name)
            except (TemplateError, RecursionError, OSError, UnicodeError) as error:
                raise SettingsError(_sentence(*_where(error, folder, name))) from None
    return len(found)


def _sentence(place: str, problem: str) -> str:
    return f"HYPERFADE_TEMPLATES_DIR: {place}: {problem}"


def _where(error: Exception, folder: Path, name: str = "") -> tuple[str, str]:
    """Return the user's file and line where an error is, and what it is."""
    problem = str(error) or type(error).__name__
    if isinstance(error, TemplateSyntaxError):
        return f"{error.name or name}, line {error.lineno}", error.message or problem
    if isinstance(error, TemplateNotFound):
        return name or "a template", f"there is no template {error.name}"
    place, trace = name or "a built-in template", error.__traceback__
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(folder):
            place = f"{path.relative_to(folder).as_posix()}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place, problem


@cache
def _tell_once(template: str, place: str, problem: str) -> None:
    import structlog  # here: a listing shouldn't wait for it

    structlog.get_logger(__name__).error(
        "a template of your own fails, the built-in one is used",
        template=template,
        place=place,
        problem=problem,
    )
