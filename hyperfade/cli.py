"""The commands: parse, call, print. Rooms are loaded when a command needs them."""

from pathlib import Path
from typing import Annotated

import typer

from hyperfade.outcome import finish

app = typer.Typer(
    name="hyperfade",
    help="Find the most reliable losers on Hyperliquid, say when they enter and leave, keep an honest score.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
ledger_app = typer.Typer(help="The ledger of everything published.", no_args_is_help=True)
notify_app = typer.Typer(help="Alerts to every destination.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")
app.add_typer(notify_app, name="notify")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Files = Annotated[
    list[Path], typer.Argument(help="Files of fills, recorded trades or candles.", show_default=False)
]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="Ask the past: an ISO 8601 time.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=2000, help="How many rows.")]
Coin = Annotated[str | None, typer.Option("--coin", help="Only this coin.")]
Cursor = Annotated[str | None, typer.Option("--cursor", help="Go on after an earlier page.")]


@app.command()
def run() -> None:
    """Run everything in this process against the live exchange."""
    from hyperfade.commands.running import run_live

    finish(run_live)


@app.command()
def demo(
    chat: Annotated[
        bool, typer.Option("--chat", help="Type commands such as /losers in the terminal.")
    ] = False,
    to_chats: Annotated[
        bool,
        typer.Option("--to-chats", help="Send the demo's invented alerts, marked, to Telegram and Discord."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Another seed, another market, another data folder.")] = 7,
    seconds: Annotated[float | None, typer.Option(min=1, help="Stop by itself after so long.")] = None,
) -> None:
    """Run everything against a simulated exchange: no network, no account, no token."""
    from hyperfade.commands.running import run_demo

    finish(lambda: run_demo(chat=chat, to_chats=to_chats, seed=seed, seconds=seconds))


@app.command()
def replay(
    files: Files,
    watch: Annotated[
        str, typer.Option(help="list: the real rule; all: every account counts as listed.")
    ] = "list",
    speed: Annotated[str, typer.Option(help="A factor such as 60, or max.")] = "max",
    account: Annotated[
        str | None, typer.Option(help="Whose fills these are, where the file doesn't say.")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Only serve them as a Hyperliquid-like exchange.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port for --serve; 0: any.")] = 0,
    as_json: Json = False,
) -> None:
    """Play recorded fills, trades and candles through the real pipeline; a rehearsal."""
    from hyperfade.commands.replaying import replay_files, serve_files

    if serve:
        finish(lambda: serve_files(files, speed=speed, account=account, port=port))
    else:
        finish(lambda: replay_files(files, watch=watch, speed=speed, account=account, as_json=as_json))


@app.command("import")
def import_(
    files: Files,
    account: Annotated[
        str | None, typer.Option(help="Whose fills these are, where the file doesn't say.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Load fills into the store: idempotent, resumable, rejected lines reported."""
    from hyperfade.commands.importing import import_files

    finish(lambda: import_files(files, account=account, as_json=as_json))


@app.command()
def events(
    files: Files,
    account: Annotated[
        str | None, typer.Option(help="Whose fills these are, where the file doesn't say.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
) -> None:
    """Show the position events and round trips found in fills."""
    from hyperfade.commands.events import show_events

    finish(lambda: show_events(files, account=account, as_json=as_json))


@app.command()
def losers(
    limit: Limit = 20,
    coin: Coin = None,
    by: Annotated[str, typer.Option(help="badness, pnl, loss, winrate or markout.")] = "badness",
    everybody: Annotated[bool, typer.Option("--all", help="Also who is not eligible, with reasons.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show the parts of badness.")] = False,
    as_of: AsOf = None,
    cursor: Cursor = None,
    csv: Annotated[Path | None, typer.Option(help="Write the rows to this file instead.")] = None,
    as_json: Json = False,
) -> None:
    """List the losers, worst first."""
    from hyperfade.commands import listing

    finish(
        lambda: listing.losers(
            limit=limit,
            coin=coin,
            by=by,
            everybody=everybody,
            explain=explain,
            as_of=as_of,
            cursor=cursor,
            csv=csv,
            as_json=as_json,
        )
    )


@app.command()
def trader(
    who: Annotated[str, typer.Argument(help="An address, #RANK or a label.")],
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Show one trader's card."""
    from hyperfade.commands import listing

    finish(lambda: listing.trader(who, as_of=as_of, as_json=as_json))


@app.command()
def opportunities(limit: Limit = 20, coin: Coin = None, cursor: Cursor = None, as_json: Json = False) -> None:
    """List what is live now, and what ended lately."""
    from hyperfade.commands import listing

    finish(lambda: listing.opportunities(limit=limit, coin=coin, cursor=cursor, as_json=as_json))


@app.command()
def performance(
    period: Annotated[str, typer.Argument(help="7d, 30d or all.")] = "30d",
    coin: Coin = None,
    loser: Annotated[str | None, typer.Option(help="Only this loser's opportunities.")] = None,
    as_json: Json = False,
) -> None:
    """Score what was published, beside the placebo and the verdict."""
    from hyperfade.commands import listing

    finish(lambda: listing.performance(period=period, coin=coin, loser=loser, as_json=as_json))


@app.command()
def crowd(coin: Coin = None, as_json: Json = False) -> None:
    """Show where all losers together stand."""
    from hyperfade.commands import listing

    finish(lambda: listing.crowd(coin=coin, as_json=as_json))


@app.command()
def status(as_json: Json = False) -> None:
    """Say how the product is."""
    from hyperfade.commands import listing

    finish(lambda: listing.status(as_json=as_json))


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database to this program's version."""
    from hyperfade.commands.upkeep import migrate_database

    finish(lambda: migrate_database(as_json=as_json))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check every setting, token and connection, and say what to do."""
    from hyperfade.commands.upkeep import examine

    finish(lambda: examine(as_json=as_json))


@ledger_app.command("verify")
def ledger_verify(as_json: Json = False) -> None:
    """Show that no entry was changed without rewriting all later ones."""
    from hyperfade.commands.upkeep import verify_ledger

    finish(lambda: verify_ledger(as_json=as_json))


@notify_app.command("test")
def notify_test(as_json: Json = False) -> None:
    """Send a marked rehearsal alert to every destination."""
    from hyperfade.commands.upkeep import send_test

    finish(lambda: send_test(as_json=as_json))


def main() -> None:
    """Run the command line."""
    app()
