"""How Hyperfade logs: structlog over the standard library, with a filter that hides secrets."""

import logging
import sys
from collections.abc import Iterable

import structlog

from hyperfade.secret_parts import SHORTEST_PART, TELEGRAM_TOKEN, hide

NOISY = ("httpx", "httpcore", "aiohttp", "telegram", "discord", "websockets", "apscheduler", "asyncio")
SILENT = ("apprise", "urllib3", "requests", "requests_oauthlib", "oauthlib")
"""Speak of whole addresses, which are secrets of other services, in forms of their own."""


class SecretFilter(logging.Formatter):
    """Wrap a formatter and hide every secret in the finished line, message and traceback alike."""

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        # of a Telegram token the part after the bot's id is the secret
        given = set(secrets)
        parts = {*given, *(one.partition(":")[2] for one in given if TELEGRAM_TOKEN.fullmatch(one))}
        self._secrets = sorted((s for s in parts if len(s) >= SHORTEST_PART), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the formatted record without secrets."""
        return hide(self._inner.format(record), self._secrets)


def set_up_logs(level: str, log_format: str, secrets: Iterable[str]) -> None:
    """Send all logs to standard error as one line each, without secrets; libraries at WARNING."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_short_exception)
    )
    finish: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if log_format == "json":
        finish.append(structlog.processors.format_exc_info)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*finish, renderer])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SecretFilter(formatter, secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.WARNING)
    # the driver's pool warns every second while the server is away, which is said once by whom it stops
    logging.getLogger("asyncpg").setLevel(logging.DEBUG if level == "debug" else logging.ERROR)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _short_exception(sio: structlog.typing.Any, exc_info: structlog.typing.ExcInfo) -> None:  # type: ignore[name-defined]
    """Write one line for an exception: its chain of types and messages."""
    error: BaseException | None = exc_info[1]
    parts = []
    while error is not None:
        parts.append(f"{type(error).__name__}: {error}")
        error = error.__cause__
    sio.write(" " + " <- ".join(parts))
