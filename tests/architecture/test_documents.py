"""What the documents list is what there is: settings, commands, chat commands."""

import re
from pathlib import Path

import pytest

from core.detection.rules import ALL
from core.model.opportunities import EndReason, Rejection
from hyperfade.reference import written_anew
from hyperfade.secret_parts import hide
from hyperfade.setting_sources import PREFIX
from hyperfade.settings import SECRETS, Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_file_names_every_setting_and_no_other():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#(HYPERFADE_[A-Z_]+)=", text, re.MULTILINE))
    assert named == {PREFIX + name.upper() for name in Settings.model_fields}


def test_the_example_file_shows_the_defaults():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^#(HYPERFADE_[A-Z_]+)=(.*)$", text, re.MULTILINE))
    special = {"HOME", "OWNERS", "BADNESS_WEIGHTS", "DATABASE_URL", "REPEAT_KINDS", "PACE"}
    for name, field in Settings.model_fields.items():
        if name.upper() in special:
            continue
        value = shown[PREFIX + name.upper()]
        default = field.default
        if default is None:
            assert value == "", name
        else:
            assert value == "false" if default is False else type(default)(value) == default, name


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_hide_themselves(name: str):
    secret = "a-very-secret-value"
    if name == "database_url":
        secret = f"postgresql://me:{secret}@host/db"
    if name == "webhook_urls":
        secret = f"https://discord.com/api/webhooks/77/{secret}"
    if name == "apprise_urls":
        secret = f"ntfy://{secret}/topic"
    settings = Settings.model_validate({name: secret})
    assert "a-very-secret-value" not in repr(settings)
    assert settings.secret_values()[0] == secret
    assert "a-very-secret-value" not in hide("said of a-very-secret-value", settings.secret_values()) or (
        name == "database_url"
    )


def test_the_generated_parts_of_the_readme_are_fresh():
    assert written_anew(README) == README, "run `make docs`"


def test_the_formulas_tell_the_gates_in_their_order_and_every_reason():
    page = (ROOT / "docs" / "formulas.md").read_text(encoding="utf-8")
    section = page.partition("## From event to opportunity")[2].partition("\n## ")[0]
    gates = re.findall(r"^\| (\w+) \| .* \| .*`.*\|$", section, re.MULTILINE)
    assert gates == [gate.__name__.removeprefix("_") for gate in ALL]
    assert [reason for reason in (*Rejection, *EndReason) if f"`{reason}`" not in page] == []


def test_every_formula_page_and_decision_is_linked():
    pages = [p.relative_to(ROOT) for p in (ROOT / "docs").rglob("*.md")]
    linked = README + "".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs").rglob("*.md"))
    assert [str(p) for p in pages if p.name not in linked] == []
