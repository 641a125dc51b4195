"""The process that ranks: owns all books and a database connection; ``rank_process`` starts and ends it."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import BinaryIO

import msgspec
import structlog

from core.errors import StorageError
from core.services.ranking import RankService
from hyperfade.logs import set_up_logs
from hyperfade.rank_messages import LENGTH_BYTES, Answer, Failed, Task, framed, parts
from storage.database import open_database
from storage.fills import Fills
from storage.rankings import Rankings

log = structlog.get_logger(__name__)

CONNECTIONS = 2


def main() -> None:
    """Answer until nobody can ask any more."""
    for name in (signal.SIGINT, signal.SIGTERM):  # the one who asks decides when this ends
        signal.signal(name, signal.SIG_IGN)
    questions, answers = os.fdopen(0, "rb", closefd=False), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    first = _read(questions)
    if first is None:
        return
    task = msgspec.msgpack.decode(first, type=Task)
    set_up_logs(task.log_level, task.log_format, task.secrets)
    try:
        asyncio.run(_serve(task, questions, answers))
    except BrokenPipeError:  # nobody hears the answer any more
        os._exit(0)


async def _serve(task: Task, questions: BinaryIO, answers: BinaryIO) -> None:
    asked: asyncio.Queue[int] = asyncio.Queue()
    listening = (questions, asked, asyncio.get_running_loop())
    threading.Thread(target=_listen, args=listening, name="listen", daemon=True).start()
    service: RankService | None = None
    async with AsyncExitStack() as stack:
        while True:
            as_of_ms = await asked.get()
            answer: Iterable[Answer]
            try:
                service = service or await _opened(task, stack)
                answer = parts(await service.rank(as_of_ms))
            except StorageError as error:
                answer = [Failed(str(error), is_storage=True)]
            except Exception as error:
                log.debug("ranking failed", exc_info=True)
                answer = [Failed(f"{type(error).__name__}: {error}", is_storage=False)]
            for part in answer:
                answers.write(framed(part))
            answers.flush()


async def _opened(task: Task, stack: AsyncExitStack) -> RankService:
    opened = open_database(task.dsn, max_connections=CONNECTIONS)
    database = await stack.enter_async_context(opened)
    return RankService(Fills(database), Rankings(database), task.rules)


def _listen(questions: BinaryIO, asked: "asyncio.Queue[int]", loop: asyncio.AbstractEventLoop) -> None:
    """Pass questions on; when the asker is gone, however it went, end at once, also amid a ranking.

    Nothing is lost by that: a run is stored in one transaction.
    """
    while (question := _read(questions)) is not None:
        loop.call_soon_threadsafe(asked.put_nowait, msgspec.msgpack.decode(question, type=int))
    os._exit(0)


def _read(questions: BinaryIO) -> bytes | None:
    """Return the next message, or None when there is none any more."""
    length = int.from_bytes(questions.read(LENGTH_BYTES), "big")
    return questions.read(length) if length else None


if __name__ == "__main__":
    main()
