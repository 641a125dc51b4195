"""The user's own templates in a process of their own: a loop without end in one of them stops nothing.

Rendering is asked for and awaited in one step, like the built-in templates': it takes a few
milliseconds. Only a template that can't even be interrupted holds everything up, for ``LONGEST_S``,
and isn't asked again until its folder changes.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from core.errors import SettingsError
from core.model.alerts import Channel
from hyperfade.rank_messages import LENGTH_BYTES, framed
from hyperfade.words_messages import Check, Ready, Said, Text, Wish, Wrong, wish_for
from messages.own_templates import own_among, own_names

log = structlog.get_logger(__name__)

LONGEST_S = 1.0
"""How long a message waits for its words."""

STARTING_S, CHECKING_S, ENDING_S = 30.0, 5.0, 1.0

_decoded = msgspec.msgpack.Decoder(Said).decode

State = tuple[tuple[str, int, int], ...]


class WordsProcess:
    """The OwnWords of one folder.

    Whatever goes wrong is one warning, and the built-in template speaks. A template that took too
    much time or memory isn't asked again before the folder changes.
    """

    def __init__(self, folder: Path, longest_s: float = LONGEST_S) -> None:
        self._folder = folder
        self.longest_s = longest_s
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._is_ready = False
        self._off: dict[str, State] = {}
        self._told: set[tuple[str, str]] = set()

    @property
    def pid(self) -> int | None:
        """Return the id of the process where one runs."""
        return None if self._process is None else self._process.pid

    def check(self, name: str) -> None:
        """Compile one template; raises SettingsError with its file and line."""
        try:
            if not self._is_ready:
                self._start()
                self._hear(STARTING_S)
                self._is_ready = True
            said = self._ask(Check(name), CHECKING_S)
        except TimeoutError:
            said = Wrong(name, f"not done after {CHECKING_S:g} s")
        except (OSError, EOFError) as error:
            said = Wrong(name, f"the process that checks it died or can't be started ({error})")
        if isinstance(said, Wrong):
            raise SettingsError(f"HYPERFADE_TEMPLATES_DIR: {said.place or name}: {said.problem}")

    def render(self, channel: Channel, names: Sequence[str], facts: dict[str, Any]) -> str | None:
        """Return the words, or None where the folder has no say or its template failed."""
        own = own_among(self._folder, channel, names)
        if not own or self._is_off(names[0]) or not self._can_be_asked():
            return None
        try:
            said = self._ask(wish_for(channel, names, facts), self.longest_s)
        except TimeoutError:
            said = Wrong("", f"not done after {self.longest_s:g} s", is_greedy=True)
        except (OSError, EOFError):
            said = Wrong("", "the process that rendered it died: was memory short?", is_greedy=True)
        if isinstance(said, Text):
            return said.text
        assert isinstance(said, Wrong)
        if said.is_greedy:
            self._off[names[0]] = self._state()
        self._tell(names[0], said.place or ", ".join(own), said.problem, is_off=said.is_greedy)
        return None

    def close(self) -> None:
        """End the process where one runs."""
        process, self._process, line, self._line = self._process, None, self._line, None
        self._is_ready = False
        if line is not None:
            line.close()
        if process is not None:
            try:
                process.wait(ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self) -> None:
        self.close()
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  ourselves
                # -P: nothing is imported from the folder that somebody happens to be in
                [sys.executable, "-P", "-m", "hyperfade.words_child", str(self._folder)],
                stdin=theirs.fileno(),
                # Ctrl-C in the terminal is for us alone; we end it.
                start_new_session=True,
            )

    def _can_be_asked(self) -> bool:
        """Return whether the process is ready; one that is gone is started anew, without waiting for it."""
        if self._process is None or self._process.poll() is not None:
            self._restart()
        if not self._is_ready and self._line is not None:
            try:
                self._is_ready = isinstance(self._hear(0.0), Ready)
            except TimeoutError:
                return False
            except (OSError, EOFError):
                self._restart()
        return self._is_ready

    def _restart(self) -> None:
        try:
            self._start()
        except OSError as error:
            problem = f"the process that renders it can't be started: {error}"
            self._tell("", "templates of your own", problem, is_off=False)

    def _ask(self, wish: Wish, seconds: float) -> Said:
        """Return the answer; whoever gave none in time is killed, and the next is started at once."""
        assert self._line is not None
        is_sound = False
        try:
            self._line.settimeout(seconds)
            self._line.sendall(framed(wish))
            said = self._hear(seconds)
            is_sound = True
        finally:
            if not is_sound:
                if self._process is not None:
                    self._process.kill()
                self._restart()
        return said

    def _hear(self, seconds: float) -> Said:
        until = time.monotonic() + seconds
        length = int.from_bytes(self._received(LENGTH_BYTES, until), "big")
        said: Said = _decoded(self._received(length, until))
        return said

    def _received(self, length: int, until: float) -> bytes:
        assert self._line is not None
        got = b""
        while len(got) < length:
            self._line.settimeout(max(0.0, until - time.monotonic()))
            try:
                part = self._line.recv(length - len(got))
            except BlockingIOError:  # so it is said where no time is left
                raise TimeoutError from None
            if not part:
                raise EOFError
            got += part
        return got

    def _is_off(self, name: str) -> bool:
        if name in self._off and self._off[name] != self._state():
            del self._off[name]
        return name in self._off

    def _state(self) -> State:
        """Return what changes when a template is edited."""
        states = []
        for name in own_names(self._folder):
            with suppress(OSError):  # whoever edits it may have taken it away just now
                found = (self._folder / name).stat()
                states.append((name, found.st_mtime_ns, found.st_size))
        return tuple(states)

    def _tell(self, template: str, place: str, problem: str, *, is_off: bool) -> None:
        if (place, problem) in self._told:
            return
        self._told.add((place, problem))
        until = {"until": "a template of the folder changes"} if is_off else {}
        log.error(
            "a template of your own fails, the built-in one is used",
            template=template,
            place=place,
            problem=problem,
            **until,
        )
