"""`run` and `demo`: the same program against the real exchange and against a simulated one."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from bot.console import read_lines
from core.services.collecting import Progress
from exchange.simulated.config import SimulationConfig
from exchange.simulated.server import SimulatedExchange
from hyperfade.app import run
from hyperfade.connections import Endpoints
from hyperfade.logs import set_up_logs
from hyperfade.origin import simulated_origin
from hyperfade.settings import Settings, load_settings
from messages.figures import duration
from storage.embedded import embedded_dsn

TELL_EVERY_S = 60.0
DEMO_WEIGHT = 200_000
DEMO_HOME = "demo"
DEMO_SEED = SimulationConfig().seed
"""The seed whose data is in the demo's plain folder; every other has a folder of its own."""

DEMO_ACCOUNTS = 900
DEMO_PACE = 3.0
DEMO_BRIEF_S = 90.0


async def run_live() -> None:
    """Run against the exchange that the settings name."""
    settings = load_settings()
    set_up_logs(settings.log_level, settings.log_format, settings.secret_values())
    console = Console(highlight=False)
    console.print(f"Hyperfade watches {settings.exchange_url}. Data in {settings.home}. Ctrl-C stops it.")
    show = _TellEachMinute(console, asyncio.get_running_loop().time)
    await run(settings, Endpoints.of(settings), console, tell=_teller(console), on_progress=show)


async def run_demo(*, chat: bool, to_chats: bool, seed: int, seconds: float | None) -> None:
    """Run against a simulated exchange served on loopback, in a data folder and server of its own.

    ``to_chats``: also tell the configured chats, which otherwise hear nothing of it.
    """
    configured = load_settings()
    settings = _of_demo(configured, seed, to_chats)
    set_up_logs(settings.log_level, settings.log_format, configured.secret_values())
    console = Console(highlight=False)
    console.print(
        "Hyperfade demo: everything below happens on a simulated exchange on this machine. Its traders, "
        f"prices and results are made up (seed {seed}), and its request limit is raised to "
        f"{DEMO_WEIGHT:,} a minute so that the list is ready in seconds. Ctrl-C stops it."
    )
    config = SimulationConfig(
        seed=seed, accounts=DEMO_ACCOUNTS, pace=DEMO_PACE, brief_s=DEMO_BRIEF_S, weight_per_minute=DEMO_WEIGHT
    )
    async with SimulatedExchange(config) as exchange, contextlib.AsyncExitStack() as stack:
        console.print(
            f"The simulated exchange speaks REST and WebSocket on {exchange.url}. In another terminal,\n"
            f"{_address(configured, settings)} hyperfade losers (or status, performance …) shows more."
        )
        if (settings.home / "postgres").exists():
            console.print(f"Each demo begins anew: what an earlier one left in {settings.home} goes.")
        for sentence in _left_alone(configured, settings):
            console.print(sentence)
        endpoints = Endpoints(
            exchange.url,
            exchange.ws_url,
            exchange.leaderboard_url,
            DEMO_WEIGHT,
            simulated_origin(seed),
            is_simulated=True,
        )
        show = stack.enter_context(_progress(console))
        lines = read_lines(sys.stdin) if chat else None
        if chat:
            console.print("Type /help, /losers, /trader #1, /opportunities, /performance …")
        try:
            async with asyncio.timeout(seconds):
                await run(settings, endpoints, console, lines=lines, tell=_teller(console), on_progress=show)
        except TimeoutError:
            console.print(f"Stopped after {seconds:g} s, as asked.")


def _of_demo(configured: Settings, seed: int, to_chats: bool) -> Settings:
    """Return the settings of a demo: what it invents never reaches the configured database."""
    changes: dict[str, Any] = {
        "home": configured.home / (DEMO_HOME if seed == DEMO_SEED else f"{DEMO_HOME}-{seed}"),
        "database_url": None,
        "candidates": 240,
        "sample": 80,
        "placebo": 40,
        "losers": 240,
        "log_level": "warning" if configured.log_level == "info" else configured.log_level,
    }
    if not to_chats:
        changes |= {"telegram_token": None, "discord_token": None, "webhook_urls": (), "apprise_urls": ()}
    return configured.model_copy(update=changes)


def _address(configured: Settings, settings: Settings) -> str:
    """Return the setting with which another command asks the demo's database."""
    if configured.database_url is None:
        return f"HYPERFADE_HOME={settings.home}"
    return f"HYPERFADE_DATABASE_URL='{embedded_dsn(settings.home)}'"


def _left_alone(configured: Settings, settings: Settings) -> Iterator[str]:
    """Say which settings a demo doesn't use."""
    if configured.database_url is not None:
        yield f"HYPERFADE_DATABASE_URL isn't used: the demo keeps its data in {settings.home}."
    tokens = {"TELEGRAM": configured.telegram_token, "DISCORD": configured.discord_token}
    names = " and ".join(f"HYPERFADE_{name}_TOKEN" for name, token in tokens.items() if token is not None)
    if names and settings.telegram_token is settings.discord_token is None:
        yield f"{names} not used: `demo --to-chats` would send the invented alerts there, marked."


def _teller(console: Console) -> Callable[[str], None]:
    def tell(sentence: str) -> None:
        console.print(sentence, style="dim")

    return tell


class _TellEachMinute:
    """Say how far a long step is, once a minute: under the real limits the first list takes a while."""

    def __init__(self, console: Console, monotonic: Callable[[], float]) -> None:
        self._console = console
        self._monotonic = monotonic
        self._step = ""
        self._begun = self._told = 0.0

    def __call__(self, step: Progress) -> None:
        """Take one step of progress."""
        now = self._monotonic()
        if step.step != self._step or step.done == 1:
            self._step, self._begun, self._told = step.step, now, now
        if now - self._told < TELL_EVERY_S or step.done >= step.total:
            return
        self._told = now
        left_ms = round(1000 * (now - self._begun) / max(step.done - 1, 1) * (step.total - step.done))
        self._console.print(
            f"{step.step}: {step.done} of {step.total}, about {duration(left_ms)} to go", style="dim"
        )


@contextlib.contextmanager
def _progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Show long steps as one bar on a terminal, and as a few lines elsewhere."""
    if not console.is_terminal:
        yield lambda step: _tell_quarters(console, step)
        return
    bar = ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task("", visible=False)

    def show(step: Progress) -> None:
        bar.update(
            task, description=step.step, completed=step.done, total=step.total, visible=step.done < step.total
        )

    with bar:
        yield show


def _tell_quarters(console: Console, step: Progress) -> None:
    if step.total >= 4 and step.done % (step.total // 4) == 0:
        console.print(f"{step.step}: {step.done} of {step.total}", style="dim")
