"""Logs: one line each on standard error, and no secret in any of them."""

import json
import logging
from collections.abc import Iterator

import httpx
import pytest
import structlog

from hyperfade.logs import NOISY, set_up_logs
from hyperfade.secret_parts import HIDDEN, hide
from tests.support.telegram_server import TelegramServer

OTHER = "plain-secret-of-no-known-form"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in NOISY}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET http://x/bot123456789:AAabcdefghijklmnopqrstuvwxyz-_012345/getMe", "GET http://x/bot"),
        ("https://discord.com/api/webhooks/12345/abc-DEF_ghi?wait=true", "/api/webhooks/12345/"),
        ("postgresql://me:hunter2@host:5432/db refused", "postgresql://me:"),
        (f"key {OTHER} failed", "key "),
    ],
)
def test_every_form_of_secret_is_hidden(text: str, left: str) -> None:
    hidden = hide(text, [OTHER])
    assert left in hidden
    assert HIDDEN in hidden
    for secret in ("AAabc", "abc-DEF", "hunter2", OTHER):
        assert secret not in hidden


@pytest.mark.asyncio
@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_a_real_request_with_the_token_in_its_path_shows_it_nowhere(
    telegram_server: TelegramServer, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    set_up_logs("debug", log_format, [telegram_server.token])
    async with httpx.AsyncClient() as http:
        await http.get(f"{telegram_server.base_url}{telegram_server.token}/getMe")
    text = capsys.readouterr().err
    assert "getMe" in text
    assert telegram_server.token not in text
    assert telegram_server.token.partition(":")[2] not in text


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_secret_in_message_fields_or_traceback(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    set_up_logs("info", log_format, [OTHER])
    log = structlog.get_logger("test")
    try:
        try:
            raise ValueError(f"inner {OTHER}")
        except ValueError as error:
            raise RuntimeError(f"outer {OTHER}") from error
    except RuntimeError:
        log.exception("it failed", url=f"http://x/{OTHER}")
        logging.getLogger("a.library").exception("with %s", OTHER)
    text = capsys.readouterr().err
    assert "outer" in text
    assert "inner" in text
    assert OTHER not in text


def test_json_is_one_document_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "json", [])
    structlog.get_logger("test").warning("one", coin="BTC")
    logging.getLogger("a.library").warning("two\nlines")
    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (first["event"], first["coin"], first["level"]) == ("one", "BTC", "warning")
    assert second["event"] == "two\nlines"


def test_libraries_are_quiet_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "console", [])
    logging.getLogger("httpx").info("HTTP Request")
    structlog.get_logger("test").debug("unseen")
    structlog.get_logger("test").info("seen")
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(" seen")


def test_the_drivers_own_words_about_an_outage_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "console", [])
    logging.getLogger("asyncpg.pool").warning("Failed to restore the pool connection floor; retrying")
    assert capsys.readouterr().err == ""


def test_an_exception_is_one_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "console", [])
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger("test").exception("it failed")
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("it failed RuntimeError: broken")
