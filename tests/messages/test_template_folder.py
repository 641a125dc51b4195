"""A folder of the user's own: it comes first, can't unescape anything, and never stops an alert."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.errors import SettingsError
from core.model.alerts import AlertKind, Channel
from core.model.market import Coin
from messages.environments import SUFFIXES, _own, built_in, check_folder, use_folder
from messages.render import render_alert
from tests.messages.test_golden import MESSAGES
from tests.support.chat_facts import NOW_MS, make_alert, make_opportunity

TITLE = "{{ answer.opportunity.coin }} {{ answer.opportunity.side | bold }}\n"
EVIL = Coin("<b>`[x](https://evil.example) @here")


@pytest.fixture(autouse=True)
def _own_words_end() -> Iterator[None]:
    yield
    use_folder(None)


def write(folder: Path, source: str, name: str = "telegram/entry.html.j2") -> Path:
    """Write a template and let its folder be used."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    use_folder(folder)
    return path


def entry(channel: Channel = Channel.TELEGRAM, coin: str = "BTC") -> str:
    alert = make_alert(AlertKind.ENTRY, channel, opportunity=make_opportunity(coin=Coin(coin)))
    return render_alert(alert, NOW_MS)


def test_a_template_of_ones_own_replaces_the_built_in_one_and_only_that(tmp_path: Path) -> None:
    before = entry(Channel.DISCORD)
    write(tmp_path, TITLE)
    assert check_folder(tmp_path) == 1
    assert entry() == "BTC <b>short</b>"
    assert entry(Channel.DISCORD) == before


def test_a_macro_of_ones_own_is_used_by_the_built_in_templates(tmp_path: Path) -> None:
    source = (Path(__file__).parents[2] / "messages/templates/shared/alert.j2").read_text()
    write(tmp_path, source.replace("Consider {{", "Perhaps {{"), "shared/alert.j2")
    assert check_folder(tmp_path) == 1
    assert entry().startswith("<b>Perhaps SHORT BTC</b>")


@pytest.mark.parametrize("channel", list(SUFFIXES))
@pytest.mark.parametrize("name", list(MESSAGES))
def test_the_built_in_templates_read_the_same_beside_others(
    name: str, channel: Channel, tmp_path: Path
) -> None:
    """Nothing that they do is refused in the sandbox."""
    wanted = MESSAGES[name](channel)
    write(tmp_path, "", "shared/_unused.j2")
    with capture_logs() as logs:
        assert MESSAGES[name](channel) == wanted
    assert logs == []


@pytest.mark.parametrize("channel", [Channel.TELEGRAM, Channel.DISCORD])
@pytest.mark.parametrize(
    "source",
    [
        "{{ answer.opportunity.coin | safe }}",
        "{{ answer.opportunity.coin | escape }}",
        "{% autoescape false %}{{ answer.opportunity.coin }}{% endautoescape %}",
        "{{ answer.opportunity.coin ~ ('x' | bold) }}",
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


def test_a_template_that_fails_gives_way_and_is_told_once(tmp_path: Path) -> None:
    wanted = entry()
    write(tmp_path, "fine\n{{ answer.opportunity.nonsense }}\n")
    assert check_folder(tmp_path) == 1  # only at sending does it show
    with capture_logs() as logs:
        assert entry() == wanted
        assert entry() == wanted
    [told] = logs
    assert told["place"] == "telegram/entry.html.j2, line 2"
    assert "nonsense" in told["problem"]


def test_an_edit_shows_at_once_and_a_broken_one_stops_nothing(tmp_path: Path) -> None:
    wanted = entry()
    path = write(tmp_path, "first")
    assert entry() == "first"
    path.write_text("second {% if %}")
    os.utime(path, (1, 1))
    with capture_logs() as logs:
        assert entry() == wanted
    assert [one["place"] for one in logs] == ["telegram/entry.html.j2, line 1"]


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("telegram/entry.html.j2", "a\n{% if %}", "telegram/entry.html.j2, line 2"),
        (
            "telegram/entry.html.j2",
            "a\n\n{{ x | nosuch }}",
            "telegram/entry.html.j2, line 3: No filter named",
        ),
        ("telegram/entry.html.j2", "{{ a ~ b }}", "line 1: ~ isn't available here"),
        ("telegram/entry.html.j2", "{% autoescape false %}{% endautoescape %}", "can't be switched off"),
        ("telegram/entri.html.j2", "a", "telegram/entri.html.j2 replaces nothing"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(name: str, source: str, said: str, tmp_path: Path) -> None:
    write(tmp_path, source, name)
    with pytest.raises(SettingsError) as caught:
        check_folder(tmp_path)
    assert said in str(caught.value)
    assert str(caught.value).startswith("HYPERFADE_TEMPLATES_DIR: ")
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_missing_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is no folder"):
        check_folder(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match="no template in"):
        check_folder(tmp_path)


def test_the_sandbox_knows_all_built_in_templates(tmp_path: Path) -> None:
    for channel in SUFFIXES:
        environment = _own(channel, tmp_path)
        for name in built_in(channel).list_templates():
            environment.get_template(name)
