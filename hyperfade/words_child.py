"""The process that renders the user's own templates; ``words_process`` starts and ends it."""

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO, assert_never

import msgspec

from hyperfade.rank_messages import LENGTH_BYTES, framed
from hyperfade.words_messages import Check, Ready, Render, Said, Text, Wish, Wrong, facts_of
from messages.own_templates import Fault, check_own, render_own

RENDERING_S, CHECKING_S = 0.2, 2.0
"""Processor time: a busy machine makes nobody greedy. A message takes 1 ms at most, its first one some 40."""

MEMORY_BYTES = 2**29


class TooSlow(Exception):
    """Time is up."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not done after {seconds:g} s of work")


def main() -> None:
    """Render until nobody can ask any more."""
    for name in (signal.SIGINT, signal.SIGTERM):  # the one who asks decides when this ends
        signal.signal(name, signal.SIG_IGN)
    wishes, answers = os.fdopen(0, "rb", closefd=False), os.fdopen(os.dup(0), "wb")
    folder = Path(sys.argv[1])
    with suppress(ValueError, OSError):  # not every system can bound it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    decode = msgspec.msgpack.Decoder(Wish).decode
    try:
        _say(answers, Ready())
        while length := int.from_bytes(wishes.read(LENGTH_BYTES), "big"):
            _say(answers, _done(decode(wishes.read(length)), folder))
    except ConnectionError:  # nobody waits for the words any more
        os._exit(0)


def _done(wish: Wish, folder: Path) -> Said:
    try:
        match wish:
            case Check():
                with _at_most(CHECKING_S) as clock:
                    outcome = check_own(folder, wish.name) or ""
            case Render():
                facts = facts_of(wish)
                with _at_most(RENDERING_S) as clock:
                    outcome = render_own(wish.channel, folder, wish.names, facts)
            case _:
                assert_never(wish)
    except TooSlow as error:  # it was up between two of our own lines
        return Wrong("", str(error), is_greedy=True)
    if isinstance(outcome, Fault):
        return Wrong(outcome.place, outcome.problem, isinstance(outcome.error, TooSlow | MemoryError))
    if clock.is_up:  # what computes constants takes any exception for "not constant"
        return Wrong("", str(TooSlow(clock.seconds)), is_greedy=True)
    return Text(outcome)


@dataclass
class _Clock:
    seconds: float
    is_up: bool = False

    def stop(self, number: int, frame: FrameType | None) -> None:
        self.is_up = True
        raise TooSlow(self.seconds)


@contextmanager
def _at_most(seconds: float) -> Iterator[_Clock]:
    """Raise TooSlow in what runs longer; what can't be interrupted is ended by the one who asked."""
    clock = _Clock(seconds)
    signal.signal(signal.SIGPROF, clock.stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, seconds)
    try:
        yield clock
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _say(answers: BinaryIO, said: Said) -> None:
    answers.write(framed(said))
    answers.flush()


if __name__ == "__main__":
    main()
