"""Bad input, in a terminal: one clear line on standard error, the right exit code, nothing else."""

import gzip
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from core.model.market import Coin, CoinSpec
from storage.database import Database
from storage.fills import Fills
from tests.support.command_line import Finished, run_command, running_command
from tests.support.discord_server import DiscordServer
from tests.support.telegram_server import TelegramServer

pytestmark = pytest.mark.asyncio

ANN = "0x" + "a" * 40
CLOSED = "http://127.0.0.1:1"
SECRET_DSN = "postgresql://me:hunter2secret@127.0.0.1:1/db"


def fill(number: int) -> str:
    return json.dumps(
        {
            "user": ANN,
            "coin": "BTC",
            "px": "100.0",
            "sz": f"{number * 7919 % 1000 + 1}.0",
            "side": "B",
            "time": 1_753_000_000_000 + number,
            "startPosition": "0.0",
            "dir": "Open Long",
            "closedPnl": "0.0",
            "fee": "0.01",
            "tid": number,
            "oid": number,
            "hash": f"0x{number * 2654435761 % 2**32:064x}",
            "crossed": True,
        }
    )


def lay_out(folder: Path) -> None:
    """Write one good file and every kind of bad one."""
    lines = "".join(f"{fill(number)}\n" for number in range(3_000)).encode()
    packed = gzip.compress(lines)
    (folder / "good.jsonl").write_bytes(lines[: lines.index(b"\n") + 1])
    (folder / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    damaged = bytearray(packed)
    damaged[len(damaged) // 2 : len(damaged) // 2 + 40] = b"x" * 40
    (folder / "damaged.jsonl.gz").write_bytes(bytes(damaged))
    (folder / "columns.csv").write_text("name,amount\nann,3\n")
    (folder / "empty.jsonl").touch()
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 4)
    (folder / "folder.jsonl").mkdir()
    row = "'BTC' as coin, '1h' as interval, 0 as t, 1.0 as open, 1.0 as high, 1.0 as low, 1.0 as close"
    duckdb.connect().execute(f"copy (select {row}) to '{folder / 'candles.parquet'}' (format parquet)")


def assert_told(finished: Finished, code: int, *words: str) -> None:
    """Check the exit code, the one line, and that nothing else was said."""
    assert finished.code == code, finished
    [line] = finished.err.splitlines()
    assert line.startswith("hyperfade: ")
    for word in words:
        assert word in line
    assert finished.out == ""


@dataclass(frozen=True)
class Case:
    name: str
    command: tuple[str, ...]
    code: int
    words: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)


DOWN = {"HYPERFADE_DATABASE_URL": SECRET_DSN}
CASES = [
    Case("absent", ("events", "absent.jsonl"), 1, ("absent.jsonl", "No such file")),
    Case("a folder", ("events", "folder.jsonl"), 1, ("folder.jsonl", "Is a directory")),
    Case("empty", ("import", "empty.jsonl"), 1, ("empty.jsonl is empty",)),
    Case("binary", ("events", "noise.bin"), 1, ("noise.bin", "no known form", "expected")),
    Case(
        "wrong columns", ("import", "columns.csv"), 1, ("columns.csv isn't fills", "coin, px, sz", "amount")
    ),
    Case("cut gzip", ("events", "cut.jsonl.gz"), 1, ("cut.jsonl.gz", "cut short", "download it again")),
    Case("damaged gzip", ("replay", "damaged.jsonl.gz"), 1, ("damaged.jsonl.gz", "damaged")),
    Case("only candles", ("replay", "candles.parquet"), 2, ("nothing to replay", "expected fills")),
    Case(
        "malformed --account", ("events", "good.jsonl", "--account", "0x12"), 2, ("'0x12'", "40 hexadecimal")
    ),
    Case("--watch", ("replay", "good.jsonl", "--watch", "some"), 2, ("--watch 'some'", "list or all")),
    Case("--speed", ("replay", "good.jsonl", "--speed", "fast"), 2, ("--speed 'fast'", "such as 60, or max")),
    Case("--speed nan", ("replay", "good.jsonl", "--speed", "nan"), 2, ("--speed 'nan'", "above 0")),
    Case("database down", ("status",), 1, ("refuses connections", "HYPERFADE_DATABASE_URL"), DOWN),
    Case("database down: import", ("import", "good.jsonl"), 1, ("refuses connections",), DOWN),
    Case("database down: replay", ("replay", "good.jsonl"), 1, ("refuses connections",), DOWN),
    Case("database down: ledger", ("ledger", "verify"), 1, ("refuses connections",), DOWN),
    Case(
        "database address",
        ("status",),
        2,
        ("HYPERFADE_DATABASE_URL", "postgresql://user:password@"),
        {"HYPERFADE_DATABASE_URL": "mysql://me:hunter2secret@host/db"},
    ),
    Case(
        "unknown setting",
        ("run",),
        2,
        ("HYPERFADE_LOSER ", "did you mean HYPERFADE_LOSERS?"),
        {"HYPERFADE_LOSER": "5"},
    ),
    Case("wrong value", ("run",), 2, ("HYPERFADE_LOSERS", "integer"), {"HYPERFADE_LOSERS": "many"}),
    Case(
        "contradiction",
        ("run",),
        2,
        ("HYPERFADE_TELEGRAM_TOKEN_FILE and HYPERFADE_TELEGRAM_TOKEN", "keep one"),
        {"HYPERFADE_TELEGRAM_TOKEN": "x", "HYPERFADE_TELEGRAM_TOKEN_FILE": "y"},
    ),
    Case("list of nobody", ("run",), 2, ("HYPERFADE_OWNERS",), {"HYPERFADE_ACCESS": "list"}),
    Case(
        "home is a file", ("status",), 1, ("good.jsonl", "HYPERFADE_HOME"), {"HYPERFADE_HOME": "good.jsonl"}
    ),
]
NEEDS_DATABASE = [
    Case("--as-of", ("losers", "--as-of", "yesterday"), 2, ("'yesterday' is no time", "ISO 8601")),
    Case("--by", ("losers", "--by", "luck"), 2, ("'luck'", "badness, pnl, loss, winrate, markout")),
    Case("--cursor", ("losers", "--cursor", "xx"), 2, ("cursor 'xx'", "next_cursor")),
    Case("period", ("performance", "5y"), 2, ("'5y' is not a period", "7d, 30d, all")),
    Case("malformed address", ("trader", "0x12"), 2, ("'0x12'", "40 hexadecimal")),
    Case("rank", ("trader", "#first"), 2, ("'#first' is not a rank",)),
    Case("--loser", ("performance", "--loser", "0x1"), 2, ("'0x1'", "40 hexadecimal")),
    Case("--csv", ("losers", "--csv", "absent/rows.csv"), 2, ("--csv absent/rows.csv", "non-existent")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_without_a_database(tmp_path: Path, case: Case) -> None:
    lay_out(tmp_path)
    finished = await run_command(tmp_path, *case.command, **case.settings)
    assert_told(finished, case.code, *case.words)
    assert "hunter2secret" not in finished.err


@pytest.mark.parametrize("case", NEEDS_DATABASE, ids=lambda case: case.name)
async def test_of_a_listing(tmp_path: Path, database_dsn: str, case: Case) -> None:
    finished = await run_command(tmp_path, *case.command, HYPERFADE_DATABASE_URL=database_dsn)
    assert_told(finished, case.code, *case.words)


async def test_a_coin_that_is_not_listed(tmp_path: Path, database: Database, database_dsn: str) -> None:
    await Fills(database).save_coins([CoinSpec(Coin("BTC"), 5, 40)])
    finished = await run_command(tmp_path, "losers", "--coin", "NOPE", HYPERFADE_DATABASE_URL=database_dsn)
    assert_told(finished, 2, "unknown coin 'NOPE'", "such as BTC")


@pytest.mark.parametrize("limit", ["0", "2001", "many"])
async def test_a_limit_out_of_bounds(tmp_path: Path, limit: str) -> None:
    finished = await run_command(tmp_path, "losers", "--limit", limit)
    assert finished.code == 2
    assert "--limit" in finished.err
    assert "Traceback" not in finished.err
    assert finished.out == ""


async def test_a_wrong_password_is_never_shown(tmp_path: Path, database_dsn: str) -> None:
    wrong = {"HYPERFADE_DATABASE_URL": SECRET_DSN, "HYPERFADE_LOG_LEVEL": "debug"}
    for command in (("doctor",), ("run",)):
        finished = await run_command(tmp_path, *command, HYPERFADE_EXCHANGE_URL=CLOSED, **wrong)
        assert finished.code == 1
        assert "hunter2secret" not in finished.out + finished.err


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    lay_out(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        finished = await run_command(tmp_path, "replay", "good.jsonl", "--serve", "--port", port)
    assert_told(finished, 2, f"--port {port}", "in use", "0 for any free one")


async def test_a_tape_without_fills_to_serve(tmp_path: Path) -> None:
    trade = {"coin": "BTC", "side": "B", "px": "100.0", "sz": "1.0", "time": 1_753_000_000_000}
    trade |= {"hash": "0x" + "1" * 64, "users": [ANN, "0x" + "b" * 40]}
    frames = [{"channel": "trades", "data": [trade | {"tid": tid}]} for tid in (1, 2)]
    (tmp_path / "tape.jsonl").write_text("".join(json.dumps(frame) + "\n" for frame in frames))
    finished = await run_command(tmp_path, "replay", "tape.jsonl", "--serve")
    assert_told(finished, 2, "--serve serves accounts' fills", "replay them without --serve")


async def test_a_second_instance_on_the_same_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = {"HYPERFADE_EXCHANGE_URL": CLOSED, "HYPERFADE_EXCHANGE_WS_URL": "ws://127.0.0.1:1/ws"}
    settings |= {"HYPERFADE_HOME": str(home), "HYPERFADE_LEADERBOARD_URL": CLOSED}
    async with running_command(tmp_path, "run", **settings) as first:
        await first.says("the feed is away")
        second = await run_command(tmp_path, "run", **settings)
        assert second.code == 1
        [line] = second.err.splitlines()
        assert str(home) in line
        assert "HYPERFADE_HOME" in line
        assert first.process.returncode is None
        assert await first.stop() == 0


async def test_wrong_tokens_stop_the_start(
    tmp_path: Path, database_dsn: str, telegram_server: TelegramServer, discord_server: DiscordServer
) -> None:
    base = {"HYPERFADE_DATABASE_URL": database_dsn, "HYPERFADE_EXCHANGE_URL": CLOSED}
    telegram = {
        "HYPERFADE_TELEGRAM_TOKEN": "987654321:AAwrong-wrong-wrong-wrong-wrong-wrong",
        "HYPERFADE_TELEGRAM_BASE_URL": telegram_server.base_url,
    }
    discord = {
        "HYPERFADE_DISCORD_TOKEN": "wrong-discord-token",
        "HYPERFADE_DISCORD_API_URL": discord_server.api_url,
        "HYPERFADE_DISCORD_GATEWAY_URL": str(discord_server.gateway_url),
    }
    for name, settings in (("TELEGRAM", telegram), ("DISCORD", discord)):
        finished = await run_command(tmp_path, "run", **base, **settings)
        assert finished.code == 2, finished
        [line] = finished.err.splitlines()
        assert f"HYPERFADE_{name}_TOKEN" in line
        assert "AAwrong" not in finished.out + finished.err
        assert "wrong-discord" not in finished.out + finished.err


async def test_an_exchange_that_is_away(tmp_path: Path, database_dsn: str) -> None:
    settings = {
        "HYPERFADE_DATABASE_URL": database_dsn,
        "HYPERFADE_EXCHANGE_URL": CLOSED,
        "HYPERFADE_EXCHANGE_WS_URL": "ws://127.0.0.1:1/ws",
        "HYPERFADE_LEADERBOARD_URL": f"{CLOSED}/leaderboard",
    }
    doctor = await run_command(tmp_path, "doctor", **settings)
    assert doctor.code == 1
    [problem] = [line for line in doctor.out.splitlines() if line.startswith("PROBLEM")]
    assert CLOSED in problem
    assert doctor.err == ""
    async with running_command(tmp_path, "run", **settings) as running:
        failed = await running.says("round failed")
        assert "retry_s=" in failed
        assert running.process.returncode is None
        assert await running.stop() == 0
        assert "Traceback" not in running.text
