"""Logging in to a Discord that is away for a while leaves nothing open."""

import asyncio
import gc
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from hyperfade.connections import log_in_discord, open_discord
from hyperfade.settings import Settings
from tests.support.discord_server import DiscordServer
from tests.support.faults import stall

pytestmark = pytest.mark.asyncio


async def test_tries_that_fail_are_closed_and_a_later_one_succeeds(
    tmp_path: Path, discord_server: DiscordServer
) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    settings = Settings(
        home=tmp_path,
        discord_token=SecretStr(discord_server.token),
        discord_api_url=discord_server.api_url,
        discord_gateway_url=str(discord_server.gateway_url),
    )
    await discord_server.close()
    async with open_discord(settings) as client:
        assert client is not None
        assert client.user is None
        await log_in_discord(client, settings, tries=1)
        await discord_server.open()
        await log_in_discord(client, settings)
        assert client.user is not None
        gc.collect()  # before the end, which closes what they shared
    assert [one["message"] for one in complaints] == []


async def test_a_discord_that_never_answers_is_not_waited_for(
    tmp_path: Path, discord_server: DiscordServer
) -> None:
    settings = Settings(
        home=tmp_path,
        discord_token=SecretStr(discord_server.token),
        discord_api_url=discord_server.api_url,
        discord_gateway_url=str(discord_server.gateway_url),
    )
    await discord_server.close()
    async with open_discord(settings) as client:
        assert client is not None
        await discord_server.open()
        discord_server.fail(stall(), times=None)
        await log_in_discord(client, settings, tries=1, timeout_s=0.1)
        assert client.user is None
        discord_server.heal()
        await log_in_discord(client, settings)
        assert client.user is not None
