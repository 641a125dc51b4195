"""One request to the exchange: budget, time limit, status, content type, retries, log.

What a failure means is decided here, once: 5xx, time-outs, broken connections and a bare ``null``
are worth another try; 429 empties the budget first; any other 4xx is our own mistake. An urgent
request that gets a 429 is given up, and others like it are refused for some seconds: whoever waits
for them learns why at once.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sized
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Protocol, TypeVar

import httpx
import msgspec

from core.errors import ExchangeError, ExchangeUnavailable, RateLimited, RequestRefused
from core.ports import Sleep
from exchange.limits import Priority, WeightBudget, base_weight, extra_weight
from exchange.wire.decode import shown

T = TypeVar("T")

TRIES = 4
BACKOFF_BASE_S = 0.5
BACKOFF_CAP_S = 8.0
RATE_LIMIT_S = (10.0, 30.0)
"""How long to keep still after a 429; no ``Retry-After`` was ever seen."""
URGENT_LIMIT_S = (2.0, 5.0)
"""How long urgent requests are refused after a 429 to one of them: the limit counts a minute's weight,
so one of weight 2 may pass while the rest keeps still, but a refused one isn't repeated in a loop."""

TIMEOUT = httpx.Timeout(10.0, read=20.0)
WHOLE_ANSWER_S = 60.0
ERROR_BODY_BYTES = 4096

# Refusals that are about the moment or the host in between, not about the request.
NOT_NOW = frozenset({403, 408, 425})


class RequestLog(Protocol):
    """Hears of every request that went out; ``status`` is None when no answer came."""

    def __call__(
        self, *, endpoint: str, weight: int, status: int | None, latency_ms: int, time_ms: int
    ) -> None:
        """Take note of one request."""
        ...


@dataclass(slots=True)
class _Attempt:
    """What the log is told of one attempt."""

    endpoint: str
    weight: int
    priority: Priority
    status: int | None = None


class Transport:
    """Sends requests for the client; all errors are ``ExchangeError``."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        info_url: str,
        budget: WeightBudget,
        now_ms: Callable[[], int],
        log_request: RequestLog,
        rng: random.Random,
        sleep: Sleep,
    ) -> None:
        self._http = http
        self._info_url = info_url
        self._budget = budget
        self._now_ms = now_ms
        self._log_request = log_request
        self._rng = rng
        self._sleep = sleep

    async def ask(
        self,
        query: Mapping[str, object],
        decode: Callable[[bytes], T],
        priority: Priority,
        *,
        null_is_an_answer: bool = False,
    ) -> T:
        """Post an info query and decode its answer, retrying what is worth it."""
        endpoint = str(query["type"])
        failures = 0
        while True:
            weight = base_weight(endpoint)
            await self._budget.take(weight, priority)
            try:
                async with self._logged(_Attempt(endpoint, weight, priority)) as attempt:
                    body = await self._post(query, attempt)
                    if body.strip() == b"" or (body.strip() == b"null" and not null_is_an_answer):
                        raise ExchangeUnavailable(f"{endpoint}: expected an answer, got {body!r}")
                    value = decode(body)
                    extra = extra_weight(endpoint, len(value) if isinstance(value, Sized) else 0)
                    self._budget.charge(extra)
                    attempt.weight += extra
                    return value
            except (ExchangeUnavailable, RateLimited) as error:
                if isinstance(error, RateLimited) and priority is Priority.DETECTION:
                    raise
                failures += 1
                await self._back_off(error, failures)

    async def stream(self, endpoint: str, url: str) -> AsyncGenerator[bytes, None]:
        """Get a large document of the statistics host piece by piece; retried until its first piece."""
        failures = 0
        while True:
            has_begun = False
            try:
                async with self._logged(_Attempt(endpoint, 0, Priority.COLLECTION)) as attempt:
                    request = self._http.stream("GET", url, timeout=TIMEOUT, follow_redirects=True)
                    async with _translated(endpoint), request as answer:
                        attempt.status = answer.status_code
                        await self._check(attempt, answer)
                        async for piece in answer.aiter_bytes():
                            has_begun = True
                            yield piece
                return
            except (ExchangeUnavailable, RateLimited) as error:
                failures = TRIES if has_begun else failures + 1
                await self._back_off(error, failures)

    async def _post(self, query: Mapping[str, object], attempt: _Attempt) -> bytes:
        request = self._http.stream(
            "POST",
            self._info_url,
            content=msgspec.json.encode(query),
            headers={"Content-Type": "application/json"},
            timeout=TIMEOUT,
        )
        async with _translated(attempt.endpoint), asyncio.timeout(WHOLE_ANSWER_S), request as answer:
            attempt.status = answer.status_code
            await self._check(attempt, answer)
            return await answer.aread()

    async def _check(self, attempt: _Attempt, answer: httpx.Response) -> None:
        """Judge an answer by status, then content type; raise unless its body is worth reading."""
        endpoint, status = attempt.endpoint, answer.status_code
        kind = answer.headers.get("content-type", "")
        if status == 200 and "json" in kind:
            return
        said = await _beginning(answer)
        if status == 200:
            raise ExchangeUnavailable(f"{endpoint}: expected JSON, got {kind or 'no content type'}: {said!r}")
        if status == 429:
            wait_s = self._rng.uniform(*RATE_LIMIT_S)
            self._budget.drain(wait_s)
            if attempt.priority is Priority.DETECTION:
                wait_s = self._rng.uniform(*URGENT_LIMIT_S)
                self._budget.shut(wait_s)
            raise RateLimited(f"{endpoint}: the exchange says we ask too much (429)", wait_s)
        problem = f"{endpoint}: the exchange answered {status}: {said!r}"
        if status < 400 or status >= 500 or status in NOT_NOW:
            raise ExchangeUnavailable(problem)
        raise RequestRefused(problem)

    async def _back_off(self, error: ExchangeError, failures: int) -> None:
        """Sleep before the next try (full jitter), or raise when there were enough."""
        if failures >= TRIES:
            raise error
        await self._sleep(self._rng.uniform(0.0, min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2**failures)))

    @asynccontextmanager
    async def _logged(self, attempt: _Attempt) -> AsyncIterator[_Attempt]:
        time_ms, began = self._now_ms(), monotonic()
        try:
            yield attempt
        finally:
            self._log_request(
                endpoint=attempt.endpoint,
                weight=attempt.weight,
                status=attempt.status,
                latency_ms=round((monotonic() - began) * 1000),
                time_ms=time_ms,
            )


@asynccontextmanager
async def _translated(endpoint: str) -> AsyncIterator[None]:
    """Turn the HTTP library's errors into ours."""
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
        raise ExchangeUnavailable(f"{endpoint}: no answer ({type(error).__name__}: {error})") from error
    except httpx.InvalidURL as error:
        raise RequestRefused(f"{endpoint}: the exchange's address is wrong: {error}") from error


async def _beginning(answer: httpx.Response) -> str:
    """Return what a refusal says, without reading all of a stranger's page."""
    body = b""
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) >= ERROR_BODY_BYTES:
            break
    return shown(body)
