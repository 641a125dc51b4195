"""How a listing starts: it loads what it needs, since imports are most of the time one waits for it."""

import re

import pytest

from storage.embedded import embedded_server
from tests.support.command_line import run_command
from tests.support.program import data_folder

HEAVY = {
    "rich",
    "structlog",
    "numpy",
    "pandas",
    "duckdb",
    "httpx",
    "aiohttp",
    "websockets",
    "telegram",
    "discord",
}
"""A tenth of a second and more each."""


@pytest.mark.asyncio
async def test_a_listing_loads_no_library_that_it_doesnt_need() -> None:
    with data_folder() as folder:
        async with embedded_server(folder / "home"):
            for_people = await run_command(folder, "losers", PYTHONPROFILEIMPORTTIME="1")
            assert loaded(for_people.err) & HEAVY == set()
            for name in ("losers", "performance", "status"):
                as_json = await run_command(folder, name, "--json", PYTHONPROFILEIMPORTTIME="1")
                assert loaded(as_json.err) & (HEAVY | {"jinja2"}) == set(), name
                assert {"asyncpg", "pydantic"} <= loaded(as_json.err)  # or it wouldn't have told us


def loaded(report: str) -> set[str]:
    """Return the top packages named in Python's report of import times."""
    return set(re.findall(r"^import time:.*\|\s+(\w+)(?:\.\S+)?$", report, re.MULTILINE))
