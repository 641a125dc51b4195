"""Settings: which place wins, what is refused, and that a message says which setting and what to do."""

import os
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.model.traders import Part
from hyperfade.settings import Settings, load_settings

TOKEN = "123456789:AAsecret-secret-secret-secret-secret"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without anybody's settings."""
    for name in list(os.environ):
        if name.upper().startswith("HYPERFADE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_environment_wins_over_dotenv_over_toml(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "hyperfade.toml").write_text("losers = 11\nsample = 12\nplacebo = 13\n")
    (folder / ".env").write_text("HYPERFADE_LOSERS=21\nHYPERFADE_SAMPLE=22\n")
    monkeypatch.setenv("HYPERFADE_LOSERS", "31")
    settings = load_settings()
    assert (settings.losers, settings.sample, settings.placebo, settings.candidates) == (31, 22, 13, 600)


def test_toml_takes_its_own_types(folder: Path) -> None:
    (folder / "hyperfade.toml").write_text(
        'owners = ["telegram:1", "discord:2"]\nmax_age_s = 7.5\n[badness_weights]\npnl_pct = 1.0\n'
    )
    settings = load_settings()
    assert settings.owners == ("telegram:1", "discord:2")
    assert settings.max_age_s == 7.5
    assert settings.ranking_rules().weights == {Part.PNL_PCT: 1.0}


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERFADE_OWNERS", "telegram:1, discord:2")
    monkeypatch.setenv("HYPERFADE_BADNESS_WEIGHTS", "pnl_pct=0.5,expectancy=0.5")
    settings = load_settings()
    assert settings.owners == ("telegram:1", "discord:2")
    assert settings.badness_weights == {Part.PNL_PCT: 0.5, Part.EXPECTANCY: 0.5}


def test_an_empty_value_means_the_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERFADE_TELEGRAM_TOKEN", "")
    (folder / ".env").write_text("HYPERFADE_LOSERS=\n")
    settings = load_settings()
    assert settings.telegram_token is None
    assert settings.losers == 500


def test_other_programs_names_in_dotenv_are_passed_over(folder: Path) -> None:
    (folder / ".env").write_text("POSTGRES_PASSWORD=x\nHYPERFADE_LOSERS=7\n")
    assert load_settings().losers == 7


def test_a_tilde_means_the_home_folder_also_where_no_shell_reads_it(folder: Path) -> None:
    (folder / ".env").write_text("HYPERFADE_HOME=~/somewhere\n")
    assert load_settings().home == Path.home() / "somewhere"


@pytest.mark.parametrize("place", ["environment", "dotenv", "toml"])
def test_a_secret_comes_from_a_file_named_anywhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (folder / "token").write_text(f"{TOKEN}\n")
    match place:
        case "environment":
            monkeypatch.setenv("HYPERFADE_TELEGRAM_TOKEN_FILE", str(folder / "token"))
        case "dotenv":
            (folder / ".env").write_text(f"HYPERFADE_TELEGRAM_TOKEN_FILE={folder / 'token'}\n")
        case _:
            (folder / "hyperfade.toml").write_text(f'telegram_token_file = "{folder / "token"}"\n')
    settings = load_settings()
    assert settings.telegram_token is not None
    assert settings.telegram_token.get_secret_value() == TOKEN
    assert settings.secret_values() == (TOKEN,)


def test_a_secret_in_the_environment_wins_over_a_file_named_in_dotenv(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text("HYPERFADE_TELEGRAM_TOKEN_FILE=/nowhere/token\n")
    monkeypatch.setenv("HYPERFADE_TELEGRAM_TOKEN", TOKEN)
    assert load_settings().secret_values() == (TOKEN,)


def test_secrets_are_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERFADE_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("HYPERFADE_DISCORD_TOKEN", "discord-secret")
    monkeypatch.setenv("HYPERFADE_DATABASE_URL", "postgresql://me:dbsecret@host/db")
    settings = load_settings()
    for text in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert TOKEN not in text
        assert "discord-secret" not in text
        assert "dbsecret" not in text


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LOSER", "1", ("HYPERFADE_LOSER ", "did you mean HYPERFADE_LOSERS?")),
        ("TELEGRAM_TOKN", "1", ("HYPERFADE_TELEGRAM_TOKN", "did you mean HYPERFADE_TELEGRAM_TOKEN?")),
        ("XYZZY", "1", ("HYPERFADE_XYZZY", "see .env.example for all names")),
        ("LOSERS", "many", ("HYPERFADE_LOSERS", "integer", ".env.example")),
        ("LOSERS", "0", ("HYPERFADE_LOSERS", "greater than or equal to 1")),
        ("HORIZON", "2h", ("HYPERFADE_HORIZON", "'1h'")),
        ("ACCESS", "all", ("HYPERFADE_ACCESS", "'approve', 'open' or 'list'")),
        ("ACCESS", "list", ("HYPERFADE_ACCESS=list", "HYPERFADE_OWNERS")),
        ("OWNERS", "bob", ("HYPERFADE_OWNERS", "telegram:123")),
        ("BADNESS_WEIGHTS", "luck=1", ("HYPERFADE_BADNESS_WEIGHTS", "'pnl_pct'")),
        ("BADNESS_WEIGHTS", "pnl_pct=0.3", ("HYPERFADE_BADNESS_WEIGHTS", "add up to 1")),
        ("DATABASE_URL", "mysql://me:hushhush@host/db", ("HYPERFADE_DATABASE_URL", "postgresql://")),
        ("EXCHANGE_URL", "api.hyperliquid.xyz", ("HYPERFADE_EXCHANGE_URL", "https://")),
        ("EXCHANGE_WS_URL", "https://x/ws", ("HYPERFADE_EXCHANGE_WS_URL", "wss://")),
        ("LOG_LEVEL", "loud", ("HYPERFADE_LOG_LEVEL", "'debug'")),
        ("TELEGRAM_TOKEN_FILE", "/nowhere/token", ("HYPERFADE_TELEGRAM_TOKEN_FILE", "check path and rights")),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv(f"HYPERFADE_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    for word in words:
        assert word in str(caught.value)
    assert "hushhush" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (".env", b"HYPERFADE_LOSER=1", "unknown setting HYPERFADE_LOSER in .env: did you mean"),
        (".env", b"\xff\xfeHYPERFADE_LOSERS=1", ".env isn't UTF-8"),
        ("hyperfade.toml", b"loserz = 1", "unknown setting HYPERFADE_LOSERZ in hyperfade.toml: did you mean"),
        ("hyperfade.toml", b"losers = [", "hyperfade.toml isn't TOML"),
        ("hyperfade.toml", b"\xff\xfe", "hyperfade.toml isn't UTF-8"),
    ],
)
def test_a_wrong_file_is_named(folder: Path, file: str, content: bytes, words: str) -> None:
    (folder / file).write_bytes(content)
    with pytest.raises(SettingsError, match=words):
        load_settings()


@pytest.mark.parametrize(("content", "words"), [(b"\xff\xfe", "isn't text"), (b"\n", "is empty")])
def test_a_secret_file_without_a_secret_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str
) -> None:
    (folder / "token").write_bytes(content)
    monkeypatch.setenv("HYPERFADE_DISCORD_TOKEN_FILE", str(folder / "token"))
    with pytest.raises(SettingsError, match=f"HYPERFADE_DISCORD_TOKEN_FILE: the file {words}"):
        load_settings()


def test_a_secret_and_its_file_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERFADE_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("HYPERFADE_TELEGRAM_TOKEN_FILE", "/run/secrets/telegram")
    with pytest.raises(SettingsError, match="both HYPERFADE_TELEGRAM_TOKEN_FILE and") as caught:
        load_settings()
    assert TOKEN not in str(caught.value)


def test_every_problem_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERFADE_LOSERS", "0")
    monkeypatch.setenv("HYPERFADE_HORIZON", "2h")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 2


def test_the_example_file_names_every_setting() -> None:
    example = Path(__file__).resolve().parents[2] / ".env.example"
    text = example.read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"#HYPERFADE_{name.upper()}=" not in text]
    assert missing == []


def test_the_example_files_values_are_the_defaults(folder: Path) -> None:
    example = Path(__file__).resolve().parents[2] / ".env.example"
    shown = {"HYPERFADE_DATABASE_URL", "HYPERFADE_OWNERS", "HYPERFADE_HOME"}  # examples, not defaults
    lines = [line[1:] for line in example.read_text(encoding="utf-8").splitlines() if line.startswith("#H")]
    (folder / ".env").write_text("\n".join(line for line in lines if line.partition("=")[0] not in shown))
    loaded, default = load_settings(), Settings()
    assert loaded.ranking_rules() == default.ranking_rules()
    assert loaded.model_copy(update={"badness_weights": None}) == default


HOOK = "HYPERFADE_TELEGRAM_WEBHOOK_URL"


@pytest.mark.parametrize(
    "url", ["https://bot.example.org/hook", "https://bot.example.org:8443", "https://[2001:db8::1]/x"]
)
def test_webhook_address_is_taken_and_its_secret_made(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERFADE_TELEGRAM_TOKEN", TOKEN)
    assert load_settings().telegram_secret() is None
    monkeypatch.setenv(HOOK, url)
    settings = load_settings()
    secret = settings.telegram_secret()
    assert secret is not None
    assert secret == load_settings().telegram_secret()  # over restarts
    assert secret not in repr(settings)
    assert settings.secret_values() == (TOKEN, secret)
    monkeypatch.setenv("HYPERFADE_TELEGRAM_WEBHOOK_SECRET", "a-secret-of-my-own")
    assert load_settings().telegram_secret() == "a-secret-of-my-own"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://bot.example.org/hook", "https only"),
        ("https://bot.example.org:9000/hook", "on port 443, 80, 88, 8443"),
        ("https://bot.example.org:x/hook", "isn't an address"),
        ("bot.example.org", "isn't an address"),
        (f"https://bot.example.org/{TOKEN}", "holds the bot's token"),
    ],
)
def test_webhook_address_that_cannot_work_is_refused(
    url: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPERFADE_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv(HOOK, url)
    with pytest.raises(SettingsError, match=problem) as caught:
        load_settings()
    assert HOOK in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_webhook_needs_a_token_and_a_secret_that_telegram_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOOK, "https://bot.example.org/hook")
    with pytest.raises(SettingsError, match="does nothing without HYPERFADE_TELEGRAM_TOKEN"):
        load_settings()
    monkeypatch.setenv("HYPERFADE_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("HYPERFADE_TELEGRAM_WEBHOOK_SECRET", "with space")
    with pytest.raises(SettingsError, match="expected 16 to 256 of"):
        load_settings()
