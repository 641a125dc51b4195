"""The parts of the README that are made from the code: ``python -m hyperfade.reference`` writes them anew."""

from pathlib import Path
from typing import Any

import typer.main

from bot.command_list import make_commands
from hyperfade.cli import app

README = Path(__file__).resolve().parent.parent / "README.md"


def command_table() -> str:
    """Return the command line's commands as a Markdown table."""
    return _table(("command", "does"), [(f"`hyperfade {name}`", text) for name, text in _leaves(app)])


def chat_table() -> str:
    """Return the chat commands as a Markdown table."""
    nobody: Any = None
    rows = [
        (f"`{command.usage}`".replace("|", "\\|"), command.help)
        for command in make_commands(nobody, nobody, nobody).commands
    ]
    return _table(("command", "answers"), rows)


def _leaves(group: typer.Typer, prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    command: Any = typer.main.get_command(group)
    for name, child in command.commands.items():
        children = getattr(child, "commands", None)
        if children is None:
            found.append((prefix + name, str(child.help).splitlines()[0]))
        else:
            found += [(f"{name} {leaf}", str(one.help).splitlines()[0]) for leaf, one in children.items()]
    return found


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    return "\n".join(lines + [f"| {left} | {right} |" for left, right in rows])


def written_anew(text: str) -> str:
    """Return the README with its generated parts up to date."""
    for name, table in (("commands", command_table()), ("chat", chat_table())):
        begin, end = f"<!-- {name}: begin -->\n", f"\n<!-- {name}: end -->"
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found_begin and found_end):
            raise SystemExit(f"README.md has no part {name!r}: expected its begin and end comments")
        text = f"{before}{begin}{table}{end}{after}"
    return text


if __name__ == "__main__":
    README.write_text(written_anew(README.read_text(encoding="utf-8")), encoding="utf-8")
    print("README.md is up to date")
