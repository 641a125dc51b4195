"""Print alerts in the terminal."""

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from core.errors import ChannelRefused
from core.model.alerts import Alert, AlertKind, Channel, Delivered
from messages.render import render_alert

STYLES = {AlertKind.ENTRY: "bold green", AlertKind.EXIT: "bold yellow", AlertKind.TEST: "bold cyan"}
LABEL_COLUMNS = 10


class ConsoleNotifier:
    """Print one alert as a panel; plain lines of text where standard output is no terminal."""

    channel = Channel.CONSOLE

    def __init__(self, console: Console) -> None:
        self._console = console

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        """Print the alert; raises ChannelRefused when nobody reads the output any more."""
        title, _, body = render_alert(alert, now_ms).partition("\n")
        try:
            self._console.print(
                Panel(
                    _labelled(body.strip("\n")),
                    title=Text(title, STYLES[alert.kind]),
                    title_align="left",
                    border_style=STYLES[alert.kind].removeprefix("bold "),
                )
            )
        except OSError as error:
            raise ChannelRefused(f"the console can't be written to: {error.strerror}") from error
        return Delivered(None)


def _labelled(body: str) -> Text:
    """Return the text with its labels dimmed; foreign text is never read as Rich's markup."""
    text = Text()
    for line in body.splitlines():
        is_row = line[:LABEL_COLUMNS].strip().isalpha() and line[LABEL_COLUMNS - 1 : LABEL_COLUMNS] == " "
        text.append(line[:LABEL_COLUMNS] if is_row else "", "dim")
        text.append(f"{line[LABEL_COLUMNS:] if is_row else line}\n")
    text.rstrip()
    return text
