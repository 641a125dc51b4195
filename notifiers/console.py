"""Print alerts in the terminal."""

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from core.errors import ChannelRefused
from core.model.alerts import Alert, AlertKind, Channel, Delivered
from messages.render import render_alert

STYLES = {
    AlertKind.ENTRY: "bold green",
    AlertKind.MERGED: "bold green",
    AlertKind.EXIT: "bold yellow",
    AlertKind.TEST: "bold cyan",
    AlertKind.HEALTH: "bold red",
    AlertKind.REQUEST: "bold magenta",
}
OTHER = "bold blue"
LABEL_COLUMNS = 10


class ConsoleNotifier:
    """Print one alert as a panel; plain lines of text where standard output is no terminal."""

    channel = Channel.CONSOLE

    def __init__(self, console: Console) -> None:
        self._console = console

    async def send(self, alert: Alert, now_ms: int) -> Delivered:
        """Print the alert; raises ChannelRefused when nobody reads the output any more."""
        title, _, body = render_alert(alert, now_ms).partition("\n")
        style = STYLES.get(alert.kind, OTHER)
        try:
            self._console.print(
                Panel(
                    _labelled(body.strip("\n")),
                    title=Text(title, style),
                    title_align="left",
                    border_style=style.removeprefix("bold "),
                )
            )
        except OSError as error:
            raise ChannelRefused(f"the console can't be written to: {error.strerror}") from error
        return Delivered(None)


def _labelled(body: str) -> Group:
    """Return the text with its labels in a dim column of their own, in which nothing else wraps.

    Foreign text is never read as Rich's markup.
    """
    blocks: list[RenderableType] = []
    rows: Table | None = None
    for line in body.splitlines():
        label, value = line[:LABEL_COLUMNS].strip(), line[LABEL_COLUMNS:]
        is_row = line[LABEL_COLUMNS - 1 : LABEL_COLUMNS] == " " and (not label or label.isalpha())
        if not is_row:
            rows = None
            blocks.append(Text(line))
            continue
        if rows is None:
            rows = Table.grid(padding=0)
            rows.add_column(width=LABEL_COLUMNS, no_wrap=True)
            rows.add_column()
            blocks.append(rows)
        rows.add_row(Text(label, "dim"), Text(value))
    return Group(*blocks)
