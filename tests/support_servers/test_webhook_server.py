"""The loopback webhook receiver, judged by httpx."""

import httpx
import pytest

from tests.support import faults
from tests.support.webhook_server import WebhookServer

pytestmark = pytest.mark.asyncio


async def test_requests_are_recorded_and_the_status_is_chosen() -> None:
    async with WebhookServer() as server, httpx.AsyncClient() as client:
        assert (await client.post(server.url, json={"a": 1}, headers={"X-Sign": "s"})).status_code == 200
        server.status, server.headers, server.body = 302, {"Location": "/else"}, b"moved"
        answer = await client.post(server.url + "/x?y=1")
        assert (answer.status_code, answer.headers["Location"], answer.content) == (302, "/else", b"moved")
        first, second = await server.wait_for_requests(2)
        assert (first.method, first.json(), first.headers["x-sign"]) == ("POST", {"a": 1}, "s")
        assert (second.path, second.body) == ("/hook/x?y=1", b"")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.close(), httpx.RemoteProtocolError),
        (faults.reset(), httpx.ReadError),
        (faults.stall(), httpx.ReadTimeout),
    ],
)
async def test_lost_answers_are_recorded_too(fault: faults.Fault, error: type[Exception]) -> None:
    async with WebhookServer() as server, httpx.AsyncClient(timeout=0.2) as client:
        server.fail(fault)
        with pytest.raises(error):
            await client.post(server.url)
        await client.post(server.url)
        assert len(server.requests) == 2


async def test_closed_refuses_and_opens_on_the_same_port() -> None:
    async with WebhookServer() as server, httpx.AsyncClient() as client:
        url = server.url
        await server.close()
        with pytest.raises(httpx.ConnectError):
            await client.post(url)
        await server.open()
        assert (await client.post(url)).status_code == 200
        with pytest.raises(AssertionError, match="1 of 2 requests"):
            await server.wait_for_requests(2, seconds=0.05)
