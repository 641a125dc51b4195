"""``import_archive`` of JSON lines into PostgreSQL, against COPY of the very rows it made."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from time import perf_counter

from benchmarks.measuring import Figures, Params, Plan, Report, Rounds, run_side

FILLS = 200_000
ACCOUNTS = 400

_BARE_TABLES = {
    # The same columns, checks, primary key and BRIN index as the real one, without partitions.
    "equal": "create table bare (like fills including all)",
    # Nothing but the columns, and no log: the fastest that the server can take them.
    "columns": "create unlogged table bare (like fills)",
}


async def measure(plan: Plan) -> Report:
    """Measure rows a second of an import, and of COPY into an equal table and into a bare one."""
    from benchmarks.databases import fresh_database, server

    with tempfile.TemporaryDirectory(prefix="hyperfade-bench-") as folder:
        file, rows = Path(folder) / "fills.jsonl", Path(folder) / "rows.copy"
        await asyncio.to_thread(write_lines, file, plan.scaled(FILLS, 1000), plan.scaled(ACCOUNTS, 4))
        params = {"file": str(file), "rows": str(rows)}
        sides = ("ours", "equal", "columns")
        runs: dict[str, list[Figures]] = {side: [] for side in sides}
        async with server() as (dsn, _):
            # COPY is given what an import made: the first one writes it down, and isn't counted.
            async with fresh_database(dsn, "bench_first") as own:
                await run_side("import_fills", "first", {**params, "dsn": own})
            for number in range(plan.rounds_or(3)):
                for place in range(len(sides)):
                    side = sides[(number + place) % len(sides)]
                    async with fresh_database(dsn, f"bench_{number}_{side}") as own:
                        runs[side].append(await run_side("import_fills", side, {**params, "dsn": own}))
    rounds = Rounds(runs)
    return Report(
        rows=[
            rounds.row(
                "import",
                "against COPY into a table with the same columns, checks and indexes",
                "rows/s",
                "rows_per_s",
                better="higher",
                bare="equal",
            ),
            rounds.row(
                "import",
                "against COPY into an unlogged table without check or index",
                "rows/s",
                "rows_per_s",
                better="higher",
                bare="columns",
            ),
        ],
        details={
            "fills": int(rounds.of("ours", "rows")),
            "seconds of ours": {
                "reading the file for its order": rounds.of("ours", "scan_s"),
                "loading": rounds.of("ours", "load_s"),
            },
        },
    )


def write_lines(file: Path, count: int, accounts: int) -> None:
    """Write made-up fills, one a line, by time, as the exchange prints them and with their account."""
    import numpy as np

    from benchmarks.synthetic import address, coin_name, made_fills

    fills = made_fills(count, accounts)
    columns = fills.columns()
    order = np.lexsort((fills.seq, fills.account, fills.time_ms))
    with file.open("w", encoding="utf-8") as out:
        for row in zip(*(column[order].tolist() for column in columns.values()), strict=True):
            one = dict(zip(columns, row, strict=True))
            line = {
                "user": address(one["account"]),
                "coin": coin_name(one["coin"]),
                "px": f"{one['px']:.6f}".rstrip("0").rstrip("."),
                "sz": f"{one['sz']:.2f}",
                "side": "B" if one["is_buy"] else "A",
                "time": one["time_ms"],
                "startPosition": f"{one['start_position']:.2f}",
                "dir": _direction(one["start_position"], one["is_buy"]),
                "closedPnl": f"{one['closed_pnl']:.6f}",
                "hash": f"0x{one['oid']:064x}",
                "oid": one["oid"],
                "crossed": one["crossed"],
                "fee": f"{one['fee']:.6f}",
                "tid": one["tid"],
                "feeToken": "USDC",
                "twapId": None,
            }
            out.write(json.dumps(line) + "\n")


def _direction(start: float, is_buy: bool) -> str:
    if start == 0:
        return "Open Long" if is_buy else "Open Short"
    opens = (start > 0) == is_buy
    side = "Long" if start > 0 else "Short"
    return f"{'Open' if opens else 'Close'} {side}"


async def _import(params: Params) -> Figures:
    from core.services.importing import ImportStatus, import_archive
    from exchange.archive.archive import open_archive
    from hyperfade.clock import WallClock
    from storage.database import open_database
    from storage.imports import Imports

    loading_since: list[float] = []

    def note(status: ImportStatus) -> None:
        if status.phase == "scan":
            loading_since[:] = [perf_counter()]

    async with open_database(params["dsn"]) as database:
        began = perf_counter()
        archive = open_archive(Path(params["file"]))
        summary = await import_archive(archive, Imports(database), WallClock(), note)
        ended = perf_counter()
    if summary.added != summary.read:
        raise SystemExit(f"{summary.added:,} of {summary.read:,} fills were added: {dict(summary.reasons)}")
    return {
        "rows": summary.added,
        "rows_per_s": summary.added / (ended - began),
        "scan_s": loading_since[0] - began,
        "load_s": ended - loading_since[0],
    }


async def _import_and_write_down(params: Params) -> Figures:
    import asyncpg

    figures = await _import(params)
    connection = await asyncpg.connect(params["dsn"])
    await connection.copy_from_query("select * from fills", output=params["rows"])
    await connection.close()
    return figures


async def _copy(params: Params, table: str) -> Figures:
    import asyncpg

    rows = await asyncio.to_thread(Path(params["rows"]).read_bytes)
    connection = await asyncpg.connect(params["dsn"])
    await connection.execute(_BARE_TABLES[table])
    began = perf_counter()
    done = await connection.copy_to_table("bare", source=BytesIO(rows))
    ended = perf_counter()
    await connection.close()
    count = int(done.rsplit(" ", 1)[-1])
    return {"rows": count, "rows_per_s": count / (ended - began)}


SIDES: Mapping[str, Callable[[Params], Figures]] = {
    "first": lambda params: asyncio.run(_import_and_write_down(params)),
    "ours": lambda params: asyncio.run(_import(params)),
    "equal": lambda params: asyncio.run(_copy(params, "equal")),
    "columns": lambda params: asyncio.run(_copy(params, "columns")),
}
