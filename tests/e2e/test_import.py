"""`hyperfade import` over every recorded file of fills, as a user types it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import run_command
from tests.support.program import data_folder

SOMEBODY = "0x" + "1" * 40
FILLS = {
    "fills-leaders-jul2026.jsonl.gz": 2_720,
    "fills-0xdae4-btc.jsonl.gz": 273,
    "fills-mm-nov2025.jsonl.gz": 2_000,
    "fills-0xb317-duplicates.jsonl.gz": 2_000,
    "fills-0xb7b6-may2023.jsonl.gz": 500,
    "fills-vault-0x15be.parquet": 200,
    "fills-3accounts-full.parquet": 14_229,
    "fills-23accounts-sample.parquet": 3_700,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as made:
        yield made


@pytest.mark.asyncio
async def test_every_file_of_fills_twice_and_the_second_time_adds_nothing(folder: Path, shared: Path) -> None:
    paths = [str(shared / "data" / name) for name in FILLS]
    first = await run_command(folder, "import", *paths, "--json")
    assert (first.code, first.err) == (0, "")
    summary = json.loads(first.out)
    assert {one["name"]: one["added"] for one in summary["files"]} == FILLS
    assert summary["rejected"] == 0
    assert summary["read"] == summary["added"] + summary["repeated"]
    second = await run_command(folder, "import", *paths, "--json")
    assert (second.code, second.err) == (0, "")
    again = json.loads(second.out)
    assert [one["added"] for one in again["files"]] == [0] * len(FILLS)
    assert again["read"] == summary["read"]
    assert again["known"] == summary["added"]
    status = json.loads((await run_command(folder, "status", "--json")).out)
    assert status["fills"] == sum(FILLS.values())


@pytest.mark.asyncio
async def test_fills_without_coin_and_price_are_refused_in_one_line(folder: Path, shared: Path) -> None:
    refused = await run_command(folder, "import", str(shared / "data" / "pnl-32accounts.parquet"))
    assert refused.code == 1
    assert refused.out == ""
    assert len(refused.err.splitlines()) == 1
    assert "without coin and price" in refused.err


@pytest.mark.asyncio
async def test_an_export_of_the_web_page_needs_to_be_told_the_account(folder: Path, shared: Path) -> None:
    path = str(shared / "data" / "ui-export-2024.csv.gz")
    refused = await run_command(folder, "import", path)
    assert refused.code in (1, 2)
    assert len(refused.err.splitlines()) == 1
    assert "--account" in refused.err
    taken = json.loads((await run_command(folder, "import", path, "--account", SOMEBODY, "--json")).out)
    assert taken["added"] == 5_116  # identical lines may be real: all are kept
    again = json.loads((await run_command(folder, "import", path, "--account", SOMEBODY, "--json")).out)
    assert again["added"] == 0
