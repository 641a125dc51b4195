"""A folder of one's own templates is checked at start and by doctor, and used from then on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.model.alerts import AlertKind, Channel
from hyperfade.doctor import _templates
from hyperfade.own_words import use_own_words
from hyperfade.settings import Settings
from messages.environments import use_folder
from messages.render import render_alert
from tests.support.chat_facts import NOW_MS, make_alert


@pytest.fixture(autouse=True)
def _built_in_again() -> Iterator[None]:
    yield
    use_folder(None)


def settings_with(tmp_path: Path, source: str) -> Settings:
    (tmp_path / "console").mkdir()
    (tmp_path / "console/exit.txt.j2").write_text(source)
    return Settings(templates_dir=tmp_path)


def test_they_are_used_from_then_on(tmp_path: Path) -> None:
    assert use_own_words(settings_with(tmp_path, "out!")) == 1
    assert render_alert(make_alert(AlertKind.EXIT, Channel.CONSOLE), NOW_MS) == "out!"
    assert use_own_words(Settings()) == 0
    assert render_alert(make_alert(AlertKind.EXIT, Channel.CONSOLE), NOW_MS) != "out!"


def test_a_broken_one_stops_the_start_and_leaves_the_built_in_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"console/exit\.txt\.j2, line 1"):
        use_own_words(settings_with(tmp_path, "{% if %}"))
    assert "Get out" in render_alert(make_alert(AlertKind.EXIT, Channel.CONSOLE), NOW_MS)


@pytest.mark.asyncio
async def test_doctor_counts_them(tmp_path: Path) -> None:
    finding = await _templates(settings_with(tmp_path, "out!"))
    assert (finding.ok, finding.found) == (True, f"1 template of your own in {tmp_path}")
    assert (await _templates(Settings())).ok is None


def test_one_loser_is_no_crowd() -> None:
    with pytest.raises(ValueError, match="one loser is no crowd"):
        Settings(crowd_losers=1)
    assert Settings(crowd_losers=0).crowd_losers == 0
