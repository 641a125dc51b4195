"""A folder of the user's own: it comes first, and can't unescape anything."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.model.alerts import AlertKind, Channel
from core.model.market import Coin
from messages.environments import SUFFIXES, built_in, use_own
from messages.own_templates import Fault, _own, check_own, own_among, render_own, replaces_something
from messages.render import render_alert
from tests.messages.test_golden import MESSAGES
from tests.support.chat_facts import NOW_MS, make_alert, make_opportunity

TITLE = "{{ answer.opportunity.coin }} {{ answer.opportunity.side | bold }}\n"
EVIL = Coin("<b>`[x](https://evil.example) @here")


class Here:
    """The OwnWords rendered in this process: what a template writes is the same everywhere."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.faults: list[Fault] = []

    def render(self, channel: Channel, names: Sequence[str], facts: dict[str, Any]) -> str | None:
        outcome = render_own(channel, self._folder, names, facts)
        if isinstance(outcome, Fault):
            self.faults.append(outcome)
            return None
        return outcome


@pytest.fixture(autouse=True)
def _own_words_end() -> Iterator[None]:
    yield
    use_own(None)


def write(folder: Path, source: str, name: str = "telegram/entry.html.j2") -> Here:
    """Write a template and let its folder be used."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    words = Here(folder)
    use_own(words)
    return words


def entry(channel: Channel = Channel.TELEGRAM, coin: str = "BTC") -> str:
    alert = make_alert(AlertKind.ENTRY, channel, opportunity=make_opportunity(coin=Coin(coin)))
    return render_alert(alert, NOW_MS)


def test_a_template_of_ones_own_replaces_the_built_in_one_and_only_that(tmp_path: Path) -> None:
    before = entry(Channel.DISCORD)
    write(tmp_path, TITLE)
    assert entry() == "BTC <b>short</b>"
    assert entry(Channel.DISCORD) == before


def test_a_macro_of_ones_own_is_used_by_the_built_in_templates(tmp_path: Path) -> None:
    source = (Path(__file__).parents[2] / "messages/templates/shared/alert.j2").read_text()
    write(tmp_path, source.replace("Consider {{", "Perhaps {{"), "shared/alert.j2")
    assert entry().startswith("<b>Perhaps SHORT BTC</b>")


@pytest.mark.parametrize("channel", list(SUFFIXES))
@pytest.mark.parametrize("name", list(MESSAGES))
def test_the_built_in_templates_read_the_same_beside_others(
    name: str, channel: Channel, tmp_path: Path
) -> None:
    """Nothing that they do is refused in the sandbox."""
    wanted = MESSAGES[name](channel)
    words = write(tmp_path, "", "shared/_unused.j2")
    assert MESSAGES[name](channel) == wanted
    assert words.faults == []


@pytest.mark.parametrize("channel", [Channel.TELEGRAM, Channel.DISCORD])
@pytest.mark.parametrize(
    "source",
    [
        "{{ answer.opportunity.coin | safe }}",
        "{{ answer.opportunity.coin | escape }}",
        "{% autoescape false %}{{ answer.opportunity.coin }}{% endautoescape %}",
        "{{ answer.opportunity.coin ~ ('x' | bold) }}",
        "{{ [answer.opportunity.coin ~ ('x' | bold)] | first }}",
        "{% set x = 'a' ~ (answer.opportunity.coin ~ ('x' | bold)) %}{{ x }}",
        "{{ answer.opportunity.coin + ('x' | bold) }}",
        "{{ ('%s' | bold) % answer.opportunity.coin }}",
        "{{ ('%s' | bold) | format(answer.opportunity.coin) }}",
        "{{ [answer.opportunity.coin, 'x' | bold] | join }}",
        "{{ [answer.opportunity.coin, 'x'] | map('bold') | join(answer.opportunity.coin) }}",
        "{{ [[answer.opportunity.coin, 'x' | bold]] | map('join') | first }}",
        "{{ ('x' | bold) | replace('x', answer.opportunity.coin) }}",
        "{{ ('{}' | bold).format(answer.opportunity.coin) }}",
        "{{ ('x' | bold).join([answer.opportunity.coin, 'y']) }}",
        "{{ answer.opportunity.coin | urlize }}",
        "{{ {'a': answer.opportunity.coin} | xmlattr }}",
        "{{ answer.opportunity.coin | tojson }}",
        "{% filter striptags %}{{ answer.opportunity.coin }}{% endfilter %}",
        "{{ answer.opportunity.coin.__class__.__mro__ }}",
        "{{ ('x' | bold).__class__(answer.opportunity.coin) }}",
        "{{ ('x' | bold) | attr('unescape') }}{{ answer.opportunity.coin }}",
        "{% set x %}{{ answer.opportunity.coin }}{% endset %}{{ x }}{{ x | upper }}{{ x | title }}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(answer.opportunity.coin) }}",
    ],
)
def test_nothing_prints_a_foreign_string_unescaped(source: str, channel: Channel, tmp_path: Path) -> None:
    write(tmp_path, source, f"{channel}/entry.{SUFFIXES[channel]}.j2")
    text = entry(channel, EVIL)
    if channel is Channel.TELEGRAM:
        assert "<b>`" not in text
        assert "<B>`" not in text
    else:
        assert "[x](https://evil" not in text.lower()
    assert "@here" not in text.lower()


def test_text_is_put_together_as_in_the_built_in_templates(tmp_path: Path) -> None:
    write(tmp_path, "{{ ('<' ~ answer.opportunity.coin ~ 1) | bold }}{{ [1 ~ (2 | number)] | first }}")
    assert entry() == "<b>&lt;BTC1</b>12.0"


def test_what_fails_is_said_with_file_and_line(tmp_path: Path) -> None:
    wanted = entry()
    words = write(tmp_path, "fine\n{{ answer.opportunity.nonsense }}\n")
    assert check_own(tmp_path, "telegram/entry.html.j2") is None  # only at sending does it show
    assert entry() == wanted
    [fault] = words.faults
    assert fault.place == "telegram/entry.html.j2, line 2"
    assert "nonsense" in fault.problem


def test_what_no_platform_takes_is_refused(tmp_path: Path) -> None:
    words = write(tmp_path, "x" * 200_000)
    entry()
    assert [fault.place for fault in words.faults] == ["telegram/entry.html.j2"]
    assert "200,000 characters" in words.faults[0].problem


def test_an_edit_shows_at_once_and_a_broken_one_is_said(tmp_path: Path) -> None:
    words = write(tmp_path, "first")
    assert entry() == "first"
    path = tmp_path / "telegram/entry.html.j2"
    path.write_text("second {% if %}")
    os.utime(path, (1, 1))
    entry()
    assert [fault.place for fault in words.faults] == ["telegram/entry.html.j2, line 1"]


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("telegram/entry.html.j2", "a\n{% if %}", "telegram/entry.html.j2, line 2"),
        (
            "telegram/entry.html.j2",
            "a\n\n{{ x | nosuch }}",
            "telegram/entry.html.j2, line 3: No filter named",
        ),
        ("telegram/entry.html.j2", "{% autoescape false %}{% endautoescape %}", "can't be switched off"),
    ],
)
def test_what_is_wrong_is_said_before_it_is_used(name: str, source: str, said: str, tmp_path: Path) -> None:
    write(tmp_path, source, name)
    fault = check_own(tmp_path, name)
    assert fault is not None
    assert said in f"{fault.place}: {fault.problem}"


def test_only_built_in_names_and_pieces_have_an_effect() -> None:
    assert replaces_something("telegram/entry.html.j2")
    assert replaces_something("telegram/_mine.j2")
    assert not replaces_something("telegram/entri.html.j2")


@pytest.mark.parametrize(
    ("replaced", "channel", "has_a_say"),
    [
        ("telegram/entry.html.j2", Channel.TELEGRAM, True),
        ("telegram/_entry.html.j2", Channel.TELEGRAM, True),
        ("shared/alert.j2", Channel.TELEGRAM, True),
        ("telegram/exit.html.j2", Channel.TELEGRAM, False),
        ("telegram/entry.html.j2", Channel.DISCORD, False),
    ],
)
def test_a_folder_has_a_say_only_where_one_of_its_files_is_read(
    replaced: str, channel: Channel, has_a_say: bool, tmp_path: Path
) -> None:
    write(tmp_path, "", replaced)
    names = (f"{channel}/entry.{SUFFIXES[channel]}.j2", "shared/entry.j2")
    assert own_among(tmp_path, channel, names) == [replaced] * has_a_say


def test_the_sandbox_knows_all_built_in_templates(tmp_path: Path) -> None:
    for channel in SUFFIXES:
        environment = _own(channel, tmp_path)
        for name in built_in(channel).list_templates():
            environment.get_template(name)
