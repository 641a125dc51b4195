"""A folder of one's own templates is checked at start and by doctor, and used from then on."""

from pathlib import Path

import pytest

from core.errors import SettingsError
from core.model.alerts import AlertKind, Channel
from hyperfade.doctor import _templates
from hyperfade.own_words import own_words
from hyperfade.settings import Settings
from messages.render import render_alert
from tests.support.chat_facts import NOW_MS, make_alert

pytestmark = pytest.mark.usefixtures("in_repository")


def settings_with(tmp_path: Path, source: str) -> Settings:
    (tmp_path / "console").mkdir()
    (tmp_path / "console/exit.txt.j2").write_text(source)
    return Settings(templates_dir=tmp_path)


def test_they_are_used_from_then_on(tmp_path: Path) -> None:
    with own_words(settings_with(tmp_path, "out!")) as count:
        assert count == 1
        assert render_alert(make_alert(AlertKind.EXIT, Channel.CONSOLE), NOW_MS) == "out!"
    assert "Get out" in render_alert(make_alert(AlertKind.EXIT, Channel.CONSOLE), NOW_MS)
    with own_words(Settings()) as count:
        assert count == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% if %}", r"^HYPERFADE_TEMPLATES_DIR: console/exit\.txt\.j2, line 1: "),
        # computed while it is compiled
        (
            "{{ 7 ** 20000000 }}",
            r"^HYPERFADE_TEMPLATES_DIR: console/exit\.txt\.j2: not done after",
        ),
    ],
)
def test_a_broken_one_stops_the_start_and_leaves_the_built_in_ones(
    source: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=said), own_words(settings_with(tmp_path, source)):
        pass
    assert "Get out" in render_alert(make_alert(AlertKind.EXIT, Channel.CONSOLE), NOW_MS)


def test_a_folder_that_is_missing_empty_or_without_effect_is_said(tmp_path: Path) -> None:
    for folder, said in ((tmp_path / "nowhere", "is no folder"), (tmp_path, "no template in")):
        with pytest.raises(SettingsError, match=said), own_words(Settings(templates_dir=folder)):
            pass
    (tmp_path / "entri.txt.j2").write_text("out!")
    said = r"entri\.txt\.j2 replaces nothing"
    with pytest.raises(SettingsError, match=said), own_words(Settings(templates_dir=tmp_path)):
        pass


@pytest.mark.asyncio
async def test_doctor_counts_them(tmp_path: Path) -> None:
    finding = await _templates(settings_with(tmp_path, "out!"))
    assert (finding.ok, finding.found) == (True, f"1 template of your own in {tmp_path}")
    assert (await _templates(Settings())).ok is None


def test_one_loser_is_no_crowd() -> None:
    with pytest.raises(ValueError, match="one loser is no crowd"):
        Settings(crowd_losers=1)
    assert Settings(crowd_losers=0).crowd_losers == 0
