"""A sandbox that is killed with SIGKILL: nothing it has promised is lost, no number comes twice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from app.sandbox.config import SandboxConfig
from app.sandbox.processes import free_port
from tests.harness import BOT_TOKEN
from tests.sandbox.rig import BotServer, Json, answered, eventually, serve
from tests.sandbox.till import MONTH_SECONDS, Till, open_till
from tests.waiting import LIMIT_SECONDS

PROGRAM = """
import sys
from pathlib import Path
from app.sandbox.app import SandboxConfig, run
run(SandboxConfig(port=int(sys.argv[1]), data_dir=Path(sys.argv[2]), bot_token=sys.argv[3]))
"""


class SandboxProcess:
    """The sandbox as a process of its own, always at the same port and with the same data."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._spawn()
        await answered(self._is_ready, limit_seconds=LIMIT_SECONDS)

    def _spawn(self) -> None:
        arguments = [sys.executable, "-c", PROGRAM, str(self._port), str(self._data_dir), BOT_TOKEN]
        self._process = subprocess.Popen(arguments)

    async def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the sandbox has ended"
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"{self.url}/sandbox/api/bot")).is_success
            except httpx.TransportError:
                return False

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; answers the exit status."""
        assert self._process is not None
        os.kill(self._process.pid, number)
        status = self._process.wait(LIMIT_SECONDS)
        self._process = None
        return status

    def make_sure_it_ended(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(LIMIT_SECONDS)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[SandboxProcess]:
    running = SandboxProcess(tmp_path / "data")
    yield running
    running.make_sure_it_ended()


async def call(process: SandboxProcess, path: str, body: Json | None = None) -> Json:
    async with httpx.AsyncClient(base_url=process.url, timeout=20, trust_env=False) as client:
        headers = {"Authorization": "Bearer demo"}
        answer = await (
            client.get(path, headers=headers) if body is None else client.post(path, json=body, headers=headers)
        )
    assert answer.is_success, answer.text
    return dict(answer.json())


async def test_a_killed_sandbox_goes_on_where_it_was(process: SandboxProcess, bot_server: BotServer) -> None:
    refusing = True

    async def script(_update: Json) -> web.Response:
        return web.Response(status=500 if refusing else 200)

    bot_server.script = script
    await process.start()
    bot = f"/bot{BOT_TOKEN}"
    webhook = {"url": bot_server.url, "secret_token": "kept", "allowed_updates": ["message"]}
    await call(process, f"{bot}/setWebhook", webhook)
    user = await call(process, "/sandbox/api/users", {"first_name": "Ann"})
    messages = f"/sandbox/api/users/{user['id']}/messages"
    first = await call(process, messages, {"text": "/start"})
    second = await call(process, messages, {"text": "second"})
    sent = (await call(process, f"{bot}/sendMessage", {"chat_id": user["id"], "text": "kept"}))["result"]
    order = {"model": "demo-pro", "prompt": "kite [slow 0.5]", "reference": "g/0/1"}
    task = await call(process, "/vendor/v1/tasks", order)
    await bot_server.wait(1)
    # Even a message that was never answered, since the process died, is there.
    assert process.end(signal.SIGKILL) == -signal.SIGKILL
    bot_server.received.clear()
    refusing = False
    await process.start()
    received = await bot_server.wait(2)
    assert [one.update["update_id"] for one in received] == [first["update_id"], second["update_id"]]
    assert {one.headers["X-Telegram-Bot-Api-Secret-Token"] for one in received} == {"kept"}
    chat = (await call(process, f"/sandbox/api/users/{user['id']}/chat"))["messages"]
    assert [message["text"] for message in chat] == ["/start", "second", "kept"]
    third = await call(process, messages, {"text": "third"})
    assert third["update_id"] > second["update_id"]
    assert third["message"]["message_id"] > sent["message_id"]
    assert (await call(process, "/sandbox/api/users", {"first_name": "Bob"}))["id"] > user["id"]

    async def is_done() -> bool:
        return bool((await call(process, f"/vendor/v1/tasks/{task['id']}"))["status"] == "succeeded")

    assert await answered(is_done)
    assert (await call(process, "/sandbox/api/vendor"))["creates"] == 1


async def test_it_stops_in_order_with_streams_and_polls_open(process: SandboxProcess) -> None:
    await process.start()
    user = await call(process, "/sandbox/api/users", {"first_name": "Ann"})
    async with (
        httpx.AsyncClient(base_url=process.url, trust_env=False) as client,
        client.stream("GET", f"/sandbox/api/users/{user['id']}/events") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: ready"
        status = await asyncio.to_thread(process.end, signal.SIGTERM)
        rest = [line async for line in lines]
    assert status in {0, -signal.SIGTERM}
    assert rest == ["data: {}", ""]


async def test_a_killed_sandbox_has_all_of_a_payment_or_nothing_of_it(
    process: SandboxProcess, bot_server: BotServer
) -> None:
    approves = True
    held = asyncio.Event()

    async def script(update: Json) -> web.Response:
        query = update.get("pre_checkout_query")
        if query is None:
            return web.Response(status=200 if held.is_set() else 500)
        if not approves:
            await held.wait()
        return web.json_response({"method": "answerPreCheckoutQuery", "pre_checkout_query_id": query["id"], "ok": True})

    bot_server.script = script
    await process.start()
    bot = f"/bot{BOT_TOKEN}"
    await call(process, f"{bot}/setWebhook", {"url": bot_server.url})
    user = f"/sandbox/api/users/{(await call(process, '/sandbox/api/users', {'first_name': 'Ann'}))['id']}"
    terms = {"title": "Club", "description": "A month", "payload": "order-1", "currency": "XTR"}
    monthly = {**terms, "prices": [{"label": "Club", "amount": 350}], "subscription_period": 2_592_000}
    link = (await call(process, f"{bot}/createInvoiceLink", monthly))["result"]
    paid = await call(process, f"{user}/pay", {"link": link})
    assert paid["status"] == "paid"
    approves = False
    unfinished = asyncio.create_task(call(process, f"{user}/pay", {"link": link}))

    def is_asked() -> bool:
        return sum("pre_checkout_query" in one.update for one in bot_server.received) > 1

    await eventually(is_asked)
    assert process.end(signal.SIGKILL) == -signal.SIGKILL
    with pytest.raises(httpx.TransportError):
        await unfinished
    held.set()
    bot_server.received.clear()
    await process.start()
    await eventually(lambda: any("message" in one.update for one in bot_server.received))
    told = [one.update for one in bot_server.received if "message" in one.update]
    assert [update["update_id"] for update in told] == [paid["update_id"]]
    wallet = await call(process, f"{user}/wallet")
    assert (wallet["stars"], len(wallet["transactions"])) == (9_650, 1)
    (renewal,) = (await call(process, "/sandbox/api/clock", {"advance_seconds": 2_592_000}))["renewals"]
    assert (renewal["charge_id"], renewal["state"]) == (paid["charge_id"], "active")


async def test_renewals_that_a_kill_prevented_are_made_at_the_start(
    sandbox_config: SandboxConfig, bot_server: BotServer
) -> None:
    async with serve(sandbox_config) as sandbox:
        till = await open_till(sandbox, bot_server)
        user_id = await sandbox.user()
        await till.pay(user_id, link=await till.link(stars=350, monthly=True))
        # As if the process had died when the clock was moved, and the subscriptions not yet.
        await sandbox.world.clock.advance(MONTH_SECONDS)
    async with serve(sandbox_config) as sandbox:
        assert (await Till(sandbox, bot_server).wallet(user_id))["stars"] == 10_000 - 700
