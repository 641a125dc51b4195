"""Another process renders the user's own templates: none holds anything up for long, or takes all memory."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.model.alerts import AlertKind, Channel
from hyperfade.words_process import WordsProcess
from messages.environments import SUFFIXES, use_own
from messages.render import render_alert
from tests.messages.test_golden import MESSAGES
from tests.support.chat_facts import NOW_MS, make_alert

pytestmark = pytest.mark.usefixtures("in_repository")

ENTRY = "telegram/entry.html.j2"
PATIENCE_S = 60.0
FAILS = "a template of your own fails, the built-in one is used"


@pytest.fixture
def words(tmp_path: Path) -> Iterator[WordsProcess]:
    """Have templates of a folder rendered by a process that is ready."""
    write(tmp_path, "shared/_piece.j2", "")
    with closing(WordsProcess(tmp_path, PATIENCE_S)) as words:
        words.check("shared/_piece.j2")
        use_own(words)
        yield words
        use_own(None)


def write(folder: Path, name: str, source: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(source)


def entry(channel: Channel = Channel.TELEGRAM) -> str:
    return render_alert(make_alert(AlertKind.ENTRY, channel), NOW_MS)


def entry_when_ready() -> str:
    """Return an entry as soon as its own template speaks again."""
    while (text := entry()).startswith("<b>Consider"):
        pass
    return text


@pytest.mark.parametrize("channel", list(SUFFIXES))
def test_all_messages_can_travel(channel: Channel, words: WordsProcess, tmp_path: Path) -> None:
    """Replaced by themselves, they read as before."""
    wanted = {name: make(channel) for name, make in MESSAGES.items()}
    shipped = Path(__file__).resolve().parents[2] / "messages/templates"
    for source in shipped.rglob("*.j2"):
        write(tmp_path, source.relative_to(shipped).as_posix(), source.read_text())
    with capture_logs() as logs:
        assert {name: make(channel) for name, make in MESSAGES.items()} == wanted
    assert logs == []


def test_what_the_folder_has_no_say_in_is_rendered_here(words: WordsProcess, tmp_path: Path) -> None:
    write(tmp_path, ENTRY, "mine")
    assert words.pid is not None
    os.kill(words.pid, signal.SIGSTOP)
    assert "Consider" in entry(Channel.DISCORD)
    os.kill(words.pid, signal.SIGCONT)
    assert entry() == "mine"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "a\n{% for x in range(9999) %}{% for y in range(9999) %}{% endfor %}{% endfor %}",
            "not done after 0.2 s",
        ),
        (
            "a\n{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(99) }}",
            "not done after 0.2 s",
        ),
        ("a\n{{ now_ms ** now_ms }}", "not done after 0.2 s"),
        ("a\n{{ 'x' * (now_ms * 9) }}", "MemoryError"),
    ],
)
def test_who_takes_too_much_gives_way_until_it_is_edited(
    source: str, problem: str, words: WordsProcess, tmp_path: Path
) -> None:
    wanted, first = entry(), words.pid
    write(tmp_path, ENTRY, source)
    with capture_logs() as logs:
        assert entry() == wanted
    [told] = logs
    assert (told["event"], told["place"], told["until"]) == (
        FAILS,
        f"{ENTRY}, line 2",
        "a template of the folder changes",
    )
    assert problem in told["problem"]
    assert words.pid is not None
    os.kill(words.pid, signal.SIGSTOP)  # nobody asks it
    with capture_logs() as logs:
        assert entry() == wanted
    assert logs == []
    os.kill(words.pid, signal.SIGCONT)
    write(tmp_path, ENTRY, "edited")
    assert entry() == "edited"
    assert words.pid == first


def test_an_editors_lock_beside_a_greedy_one_is_no_template(words: WordsProcess, tmp_path: Path) -> None:
    wanted = entry()
    write(
        tmp_path,
        ENTRY,
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
    )
    (tmp_path / "telegram" / ".#entry.html.j2").symlink_to("somebody@somewhere.1")
    with capture_logs():
        assert entry() == wanted
        assert entry() == wanted


def test_who_cant_be_interrupted_is_replaced(words: WordsProcess, tmp_path: Path) -> None:
    wanted, first = entry(), words.pid
    write(tmp_path, ENTRY, "{{ [[[1] * 9999] * 9999] * 9999 == [[[1.0] * 9999] * 9999] * 9999 }}")
    words.longest_s = 0.5
    with capture_logs() as logs:
        assert entry() == wanted
        assert entry() == wanted
    assert [(told["event"], told["place"], told["problem"]) for told in logs] == [
        (FAILS, ENTRY, "not done after 0.5 s")
    ]
    words.longest_s = PATIENCE_S
    write(tmp_path, ENTRY, "edited")
    assert entry_when_ready() == "edited"
    assert words.pid != first


def test_who_died_is_replaced(words: WordsProcess, tmp_path: Path) -> None:
    write(tmp_path, ENTRY, "mine")
    first = words.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert entry_when_ready() == "mine"
    assert words.pid != first


def test_what_is_merely_wrong_is_told_once_and_tried_again(words: WordsProcess, tmp_path: Path) -> None:
    wanted = entry()
    write(tmp_path, ENTRY, "{% if answer.is_demo %}{{ answer.nonsense }}{% endif %}fine")
    demo = make_alert(AlertKind.ENTRY, Channel.TELEGRAM, is_demo=True)
    with capture_logs() as logs:
        for _ in range(2):
            assert wanted in render_alert(demo, NOW_MS)
        assert entry() == "fine"
    [told] = logs
    assert told["place"] == f"{ENTRY}, line 1"
    assert "until" not in told
