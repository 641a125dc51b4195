"""A Telegram Bot API server on loopback, for tests of whatever speaks to Telegram.

It answers as a local Bot API server does (http webhooks on any port are allowed), with two
conveniences: it never throttles by itself (ask for a 429 with `fail`), and an empty poll with a
time-out of zero returns at once.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from tests.support.faults import Fault, FaultPlan, answer, spoil
from tests.support.loopback import BODY_LIMIT_BYTES, Loopback
from tests.support.telegram_chats import User
from tests.support.telegram_errors import ApiError, bad_request
from tests.support.telegram_methods import METHODS, check_commands
from tests.support.telegram_params import Params, read_params
from tests.support.telegram_world import TelegramWorld

DEFAULT_TOKEN = "123456789:AAtest-token-for-a-loopback-server01"
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request with the right token; `method` is as the client wrote it, `at` loop time."""

    method: str
    params: Params
    at: float


def api_fault(code: int, description: str, *, accepted: bool = False, **parameters: Any) -> Fault:
    """Return a fault that answers with an error of the Bot API."""
    return answer(code, ApiError(code, description, **parameters).body(), accepted=accepted)


def too_many_requests(retry_after: int) -> Fault:
    """Return the fault of a bot that's too fast."""
    description = f"Too Many Requests: retry after {retry_after}"
    return api_fault(429, description, retry_after=retry_after)


class TelegramServer(TelegramWorld):
    """Serve one bot; use it as an async context manager."""

    def __init__(
        self,
        token: str = DEFAULT_TOKEN,
        username: str = "hyperfade_test_bot",
        first_name: str = "Hyperfade test",
    ) -> None:
        self.token = token
        bot = User(int(token.partition(":")[0]), first_name, is_bot=True, username=username)
        super().__init__(bot, self._webhook_reply)
        self.calls: list[Call] = []
        self.commands: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.menu_button: dict[str, Any] = {"type": "commands"}
        self._faults = FaultPlan()
        self._loopback = Loopback(self._application)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=BODY_LIMIT_BYTES)
        application.router.add_route("*", "/bot{token}/{method}", self._answer)
        application.router.add_get("/file/bot{token}/documents/{file_id}", self._download)
        return application

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen again after `close`, on the same port."""
        await self._loopback.open()
        self.updates.resume()

    async def close(self) -> None:
        """Refuse connections until `open`; the world stays."""
        await self.updates.close()
        await self._loopback.close()

    @property
    def base_url(self) -> str:
        """Return what python-telegram-bot calls `base_url`: the token follows it."""
        return f"http://127.0.0.1:{self._loopback.port}/bot"

    @property
    def base_file_url(self) -> str:
        """Return the same for downloads."""
        return f"http://127.0.0.1:{self._loopback.port}/file/bot"

    # Faults.

    def fail(
        self,
        fault: Fault,
        *,
        chat_id: int | None = None,
        method: str | None = None,
        says: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Spoil the next requests for this chat and method; `times=None` means until `heal`.

        `says`: only messages in whose text this is found.
        """
        words = None if says is None else lambda text: says in str(text)
        self._faults.add(fault, times, chat=chat_id, method=method.lower() if method else None, text=words)

    def heal(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    # What a test sees.

    def calls_of(self, method: str) -> list[Call]:
        """Return the calls of one method, in order."""
        return [call for call in self.calls if call.method.lower() == method.lower()]

    # HTTP.

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        token, method = request.match_info["token"], request.match_info["method"]
        if token != self.token:
            known = re.fullmatch(r"\d+:[\w-]+", token)
            return _json(ApiError(401, "Unauthorized") if known else ApiError(404, "Not Found"))
        try:
            params = await read_params(request)
        except ApiError as error:
            return _json(error)
        self.calls.append(Call(method, params, asyncio.get_running_loop().time()))
        self.changes.announce()
        fault = self._faults.take(chat=params.get("chat_id"), method=method.lower(), text=params.get("text"))
        if fault is not None and not fault.accepted:
            return await spoil(request, fault)
        try:
            result = await self._carry_out(method, params)
        except ApiError as error:
            return _json(error)
        if fault is not None:
            return await spoil(request, fault)
        return _json(result)

    async def _carry_out(self, method: str, params: Params) -> Any:
        name = method.lower()
        if name == "getupdates":
            return await self.updates.poll(
                params.get("offset", 0),
                params.get("limit", 100),
                params.get("timeout", 0),
                params.get("allowed_updates"),
            )
        if name in METHODS:
            return METHODS[name](self, params)
        match name:
            case "setwebhook" | "deletewebhook":
                return self._set_webhook(name, params)
            case "getwebhookinfo":
                return self.updates.info()
            case "setmycommands":
                self.commands[_scope(params)] = check_commands(params.get("commands"))
                self.changes.announce()
                return True
            case "getmycommands":
                return self.commands.get(_scope(params), [])
            case "deletemycommands":
                self.commands.pop(_scope(params), None)
                return True
            case "setchatmenubutton":
                self.menu_button = params.get("menu_button") or {"type": "default"}
                return True
            case "getchatmenubutton":
                return self.menu_button
        raise ApiError(404, "Not Found")

    def _set_webhook(self, name: str, params: Params) -> bool:
        url = str(params.get("url") or "") if name == "setwebhook" else ""
        secret = str(params.get("secret_token") or "")
        if url and not url.startswith(("http://", "https://")):
            raise bad_request("bad webhook: URL must be an HTTP or HTTPS one")
        if secret and not _SECRET.fullmatch(secret):
            raise bad_request("secret token contains unallowed characters")
        self.updates.set_webhook(
            url,
            secret,
            params.get("max_connections", 40),
            params.get("allowed_updates"),
            bool(params.get("drop_pending_updates")),
        )
        return True

    async def _webhook_reply(self, body: dict[str, Any]) -> None:
        """Carry out the method that a bot put into its answer to a webhook."""
        method = str(body.get("method", ""))
        if method:
            params = {name: value for name, value in body.items() if name != "method"}
            self.calls.append(Call(method, params, asyncio.get_running_loop().time()))
            await self._carry_out(method, params)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        upload = self.files.get(request.match_info["file_id"])
        if request.match_info["token"] != self.token or upload is None:
            return _json(ApiError(404, "Not Found"))
        return web.Response(body=upload.data)


def _scope(params: Params) -> tuple[str, str]:
    scope = params.get("scope") or {"type": "default"}
    return json.dumps(scope, sort_keys=True), str(params.get("language_code") or "")


def _json(result: Any) -> web.Response:
    failed = isinstance(result, ApiError)
    body = result.body() if failed else {"ok": True, "result": result}
    status = result.code if failed else 200
    headers = {}
    if failed and "retry_after" in result.parameters:
        headers["Retry-After"] = str(result.parameters["retry_after"])
    return web.json_response(body, status=status, headers=headers)
