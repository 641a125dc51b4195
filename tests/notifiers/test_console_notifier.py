"""Alerts in the terminal, and where there is none."""

import errno
import io
from typing import Literal

import pytest
from rich.console import Console

from core.errors import ChannelRefused
from core.model.alerts import AlertKind, Channel, Delivered
from core.model.market import Coin
from core.ports import Notifier
from notifiers.console import ConsoleNotifier
from tests.support.chat_facts import NOW_MS, make_alert, make_opportunity

pytestmark = pytest.mark.asyncio


async def printed(kind: AlertKind, *, terminal: bool = False, coin: str = "BTC") -> str:
    out = io.StringIO()
    # The terminal that runs the tests may be one without colours.
    colours: Literal["standard"] | None = "standard" if terminal else None
    console = Console(file=out, width=100, force_terminal=terminal, color_system=colours)
    notifier: Notifier = ConsoleNotifier(console)
    opportunity = make_opportunity(coin=Coin(coin))
    delivered = await notifier.send(make_alert(kind, Channel.CONSOLE, opportunity=opportunity), NOW_MS)
    assert delivered == Delivered(None)
    return out.getvalue()


async def test_entry_is_a_panel_without_escape_codes_where_there_is_no_terminal() -> None:
    text = await printed(AlertKind.ENTRY)
    assert "╭─ Consider SHORT BTC #K7Q2" in text
    assert "Edge      +12.3 bps after costs (95 %: -3.1 to +28.0, n 41)" in text
    assert "\x1b" not in text
    assert all(len(line) <= 100 for line in text.splitlines())


async def test_terminal_gets_colours() -> None:
    assert "\x1b[" in await printed(AlertKind.EXIT, terminal=True)


async def test_exit_says_what_to_do_and_what_it_made() -> None:
    text = await printed(AlertKind.EXIT)
    assert "Get out: SHORT BTC #K7Q2" in text
    assert "+19.6 bps after costs (+30.6 bps before)" in text


async def test_foreign_text_is_no_markup() -> None:
    assert "Consider SHORT [bold red]X[/]" in await printed(AlertKind.ENTRY, coin="[bold red]X[/]")


class FullDisk(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_output_that_nobody_takes_stops_the_channel() -> None:
    notifier = ConsoleNotifier(Console(file=FullDisk(), width=100))
    with pytest.raises(ChannelRefused, match="console can't be written to: No space left"):
        await notifier.send(make_alert(AlertKind.ENTRY, Channel.CONSOLE), NOW_MS)
