"""The process that draws charts; ``chart_process`` starts and ends it."""

import logging
import os
import signal
from typing import BinaryIO, assert_never

import msgspec

from hyperfade.chart_messages import Drawn, DrawPerformance, DrawTrader, NotDrawn, Ready, Said, Wish
from hyperfade.rank_messages import LENGTH_BYTES, framed
from messages.charts import performance_chart, trader_chart
from messages.charts.panel import load

NICENESS = 5
"""Pictures wait for alerts, not the other way round."""


def main() -> None:
    """Draw until nobody can ask any more."""
    for name in (signal.SIGINT, signal.SIGTERM):  # the one who asks decides when this ends
        signal.signal(name, signal.SIG_IGN)
    wishes, answers = os.fdopen(0, "rb", closefd=False), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    logging.disable(logging.CRITICAL)
    os.nice(NICENESS)
    load()
    decode = msgspec.msgpack.Decoder(Wish).decode
    try:
        _say(answers, Ready())
        while length := int.from_bytes(wishes.read(LENGTH_BYTES), "big"):
            _say(answers, _drawn(decode(wishes.read(length))))
    except BrokenPipeError:  # nobody waits for the picture any more
        os._exit(0)


def _drawn(wish: Wish) -> Said:
    try:
        match wish:
            case DrawTrader():
                return Drawn(trader_chart(wish.answer))
            case DrawPerformance():
                return Drawn(performance_chart(wish.answer))
            case _:
                assert_never(wish)
    except Exception as error:
        return NotDrawn(f"{type(error).__name__}: {error}")


def _say(answers: BinaryIO, said: Said) -> None:
    answers.write(framed(said))
    answers.flush()


if __name__ == "__main__":
    main()
