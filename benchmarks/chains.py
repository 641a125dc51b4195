"""The bare chains from frame to POST: what the libraries alone take for it, and who serves them all."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport
from websockets.asyncio.client import connect

from benchmarks.loopback_exchange import TOKEN, watched_accounts

TEXT = "x" * 1000
"""As long as an alert."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What one run of a chain showed."""

    latencies_ms: list[float]
    due: int
    cpu: float
    """Processor seconds of this process a second."""
    stages: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Median and p99 of each stage, ms."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the loopback exchange and Telegram are."""

    http_url: str
    ws_url: str


@asynccontextmanager
async def loopback_exchange() -> AsyncIterator[Ports]:
    """Run the server in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.loopback_exchange",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    ports = json.loads(await process.stdout.readline())
    try:
        yield Ports(f"http://127.0.0.1:{ports['http']}", f"ws://127.0.0.1:{ports['ws']}")
    finally:
        process.stdin.close()
        await process.wait()


async def timed(ports: Ports, seconds: int) -> tuple[dict[str, tuple[int, int]], int, float]:
    """Let the server send; return each account's times sent and arrived in ns, how many were due, and
    this process's processor seconds a second.
    """
    began, began_cpu = time.monotonic(), sum(os.times()[:2])
    async with httpx.AsyncClient(timeout=None, trust_env=False) as http:
        answer = await http.post(ports.http_url + "/start", json={"seconds": seconds})
    found = answer.json()
    cpu = (sum(os.times()[:2]) - began_cpu) / (time.monotonic() - began)
    return {one: (sent, arrived) for one, (sent, arrived) in found["times"].items()}, found["due"], cpu


def latencies_ms(times: Mapping[str, tuple[int, int]]) -> list[float]:
    """Return the latencies in ms."""
    return [(arrived - sent) / 1e6 for sent, arrived in times.values()]


class _Trade(msgspec.Struct, gc=False):
    coin: str
    side: str
    px: str
    sz: str
    time: int
    hash: str
    tid: int
    users: tuple[str, str]


class _Frame(msgspec.Struct, gc=False):
    channel: str
    data: list[_Trade]


Handle = Callable[[_Trade, str], Awaitable[None]]

_INSERT = "insert into bare_alerts (account, alert) values ($1, $2)"
_INSERT_BOTH = """
with told as (insert into bare_alerts (account, alert) values ($1, $2) returning id)
insert into bare_outbox (id, state) select id, 'pending' from told returning id
"""
_CLAIM = "update bare_outbox set state = 'sending' where id = $1 and state = 'pending'"
_SENT = "delete from bare_outbox where id = $1"


async def run_bare(dsn: str, seconds: int) -> Chain:
    """Receive, decode, INSERT in one transaction, POST."""

    def handle(pool: "asyncpg.Pool[asyncpg.Record]", http: httpx.AsyncClient, ports: Ports) -> Handle:
        async def tell(trade: _Trade, account: str) -> None:
            alert = msgspec.json.encode(trade).decode()
            async with pool.acquire() as connection:
                await connection.execute(_INSERT, account, alert)
            await _post(http, ports, account)

        return tell

    return await _run(dsn, seconds, handle)


async def run_same_steps(dsn: str, seconds: int) -> Chain:
    """Receive, decode, ask the book, INSERT alert and queue row, claim, POST, forget the queue row."""

    def handle(pool: "asyncpg.Pool[asyncpg.Record]", http: httpx.AsyncClient, ports: Ports) -> Handle:
        async def tell(trade: _Trade, account: str) -> None:
            book = await http.post(ports.http_url + "/info", json={"type": "l2Book", "coin": trade.coin})
            msgspec.json.decode(book.content)
            alert = msgspec.json.encode(trade).decode()
            async with pool.acquire() as connection:
                number = await connection.fetchval(_INSERT_BOTH, account, alert)
                await connection.execute(_CLAIM, number)
            await _post(http, ports, account)
            async with pool.acquire() as connection:
                await connection.execute(_SENT, number)

        return tell

    return await _run(dsn, seconds, handle)


async def _post(http: httpx.AsyncClient, ports: Ports, account: str) -> None:
    answer = await http.post(
        f"{ports.http_url}/bot{TOKEN}/sendMessage", json={"chat_id": 1, "text": f"{account} {TEXT}"}
    )
    msgspec.json.decode(answer.content)


async def _run(
    dsn: str,
    seconds: int,
    handle: Callable[["asyncpg.Pool[asyncpg.Record]", httpx.AsyncClient, Ports], Handle],
) -> Chain:
    watched = frozenset(watched_accounts(seconds))
    decode = msgspec.json.Decoder(_Frame).decode
    async with (
        loopback_exchange() as ports,
        asyncpg.create_pool(dsn, min_size=4, max_size=10) as pool,
        httpx.AsyncClient(transport=AiohttpTransport(), trust_env=False) as http,
        connect(ports.ws_url, compression=None, ping_interval=None) as socket,
    ):
        await pool.execute(
            """
            create table bare_alerts (id bigint generated always as identity primary key,
                account text not null, alert jsonb not null, at timestamptz not null default now());
            create table bare_outbox (id bigint primary key references bare_alerts, state text not null)
            """
        )
        tell = handle(pool, http, ports)

        async def listen(group: asyncio.TaskGroup) -> None:
            while True:
                for trade in decode(await socket.recv(decode=False)).data:
                    for account in trade.users:
                        if account in watched:
                            group.create_task(tell(trade, account))  # type: ignore[arg-type]

        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listen(group))
            times, due, cpu = await timed(ports, seconds)
            listening.cancel()
    return Chain(latencies_ms(times), due, cpu)
