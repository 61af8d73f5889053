"""What the sandbox's tests stand on: a sandbox served in this process, a scripted bot behind a webhook, pictures."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

import httpx
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup
from aiohttp import web
from PIL import Image

from app.sandbox.app import SandboxConfig, create_sandbox
from app.sandbox.http import build_server
from app.sandbox.world import World
from tests.waiting import LIMIT_SECONDS

Json = dict[str, Any]

HOST = "127.0.0.1"


async def eventually(condition: Callable[[], Any], *, limit_seconds: float = LIMIT_SECONDS) -> Any:
    """The first true value of the condition; an AssertionError when there is none within the limit."""
    end = time.monotonic() + limit_seconds
    while not (value := condition()):
        assert time.monotonic() < end, "the condition did not come true"
        await asyncio.sleep(0.01)
    return value


async def answered(ask: Callable[[], Awaitable[Any]], *, limit_seconds: float = LIMIT_SECONDS) -> Any:
    """The first true answer to a question that must be awaited; as `eventually`."""
    end = time.monotonic() + limit_seconds
    while not (value := await ask()):
        assert time.monotonic() < end, "there was no such answer"
        await asyncio.sleep(0.01)
    return value


def picture(width: int = 640, height: int = 480, kind: str = "PNG", colour: str = "teal") -> bytes:
    target = BytesIO()
    Image.new("RGB", (width, height), colour).save(target, kind)
    return target.getvalue()


def keyboard(*datas: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=data, callback_data=data)] for data in datas]
    )


@dataclass
class Sandbox:
    """A running sandbox: its address, its inside, its control API and a real aiogram bot that talks to it."""

    url: str
    world: World
    control: httpx.AsyncClient
    bot: Bot

    async def user(self, first_name: str = "Ann", *, started: bool = True, **more: Any) -> int:
        """A new user who, unless told not to, has started the bot."""
        answer = await self.control.post("/users", json={"first_name": first_name, **more})
        assert answer.status_code == 200, answer.text
        user_id: int = answer.json()["id"]
        if started:
            await self.write(user_id, "/start")
        return user_id

    async def write(self, user_id: int, text: str, **more: Any) -> Json:
        answer = await self.control.post(f"/users/{user_id}/messages", json={"text": text, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def chat(self, user_id: int, *, after: int = 0) -> list[Json]:
        answer = await self.control.get(f"/users/{user_id}/chat", params={"after": after})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["messages"])

    async def fault(self, method: str, kind: str, **more: Any) -> None:
        answer = await self.control.post("/faults", json={"method": method, "kind": kind, **more})
        assert answer.status_code == 200, answer.text

    async def call(self, method: str, **parameters: Any) -> httpx.Response:
        """A Bot API call with a JSON body, without any library."""
        return await self.control.post(f"{self.url}/bot{self.bot.token}/{method}", json=parameters)

    async def refusal(self, method: str, **parameters: Any) -> tuple[int, str]:
        """Code and description of a refused call."""
        answer = await self.call(method, **parameters)
        body = answer.json()
        assert body["ok"] is False
        assert body["error_code"] == answer.status_code
        return body["error_code"], body["description"]


@asynccontextmanager
async def serve(config: SandboxConfig) -> AsyncIterator[Sandbox]:
    """A sandbox on a free port, stopped in order at the end."""
    app = create_sandbox(replace(config, port=0))
    server = build_server(app, host=HOST, port=0)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started or serving.done())
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://{HOST}:{port}"
    session = AiohttpSession(api=TelegramAPIServer.from_base(url))
    control = httpx.AsyncClient(base_url=f"{url}/sandbox/api", timeout=30, trust_env=False)
    try:
        yield Sandbox(url, app.state.world, control, Bot(config.bot_token, session=session))
    finally:
        # Clients first: the server waits for its connections.
        await session.close()
        await control.aclose()
        server.end_streams()
        server.should_exit = True
        await serving


@dataclass
class Received:
    """One delivery: the update, the headers, and when it came and was answered (monotonic seconds)."""

    update: Json
    headers: dict[str, str]
    came_at: float
    answered_at: float = 0.0

    @property
    def text(self) -> str:
        return str(self.update.get("message", {}).get("text", ""))


Script = Callable[[Json], Awaitable[web.Response]]


@dataclass
class BotServer:
    """A webhook that does what the test's script says, and writes down what came."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    script: Script | None = None

    async def handle(self, request: web.Request) -> web.Response:
        one = Received(json.loads(await request.read()), dict(request.headers), time.monotonic())
        self.received.append(one)
        answer = web.Response() if self.script is None else await self.script(one.update)
        one.answered_at = time.monotonic()
        return answer

    async def wait(self, count: int) -> list[Received]:
        """Everything received, once it is this many."""
        await eventually(lambda: len(self.received) >= count)
        return self.received


@asynccontextmanager
async def serve_bot() -> AsyncIterator[BotServer]:
    """A webhook on a free port."""
    server = BotServer()
    app = web.Application()
    app.router.add_post("/hook", server.handle)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    server.url = f"http://{HOST}:{runner.addresses[0][1]}/hook"
    try:
        yield server
    finally:
        await runner.cleanup()
