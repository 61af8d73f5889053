"""The bot behind its real webhook, in the test's event loop, with the sandbox for Telegram and a real database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from app.api.setup import create_http
from app.bot.setup import Telegram
from app.container import Container
from app.sandbox.config import SandboxConfig
from app.sandbox.processes import free_port
from app.settings import Settings
from app.worker.setup import WorkerService
from tests.bot.phone import Phone, until
from tests.bot.serving import serving
from tests.domain.bank import TERMINALS
from tests.harness import ADMIN_ID, ALERT_CHAT_ID, BOT_TOKEN, BOT_USERNAME
from tests.sandbox.rig import Sandbox, serve

NewPhone = Callable[..., Awaitable[Phone]]


@pytest.fixture(scope="session")
async def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    config = SandboxConfig(
        port=0,
        data_dir=tmp_path_factory.mktemp("sandbox"),
        bot_token=BOT_TOKEN,
        bot_username=BOT_USERNAME,
        alert_chat_id=ALERT_CHAT_ID,
        admin_ids=(ADMIN_ID,),
        tbank_terminals=TERMINALS,
    )
    async with serve(config) as running:
        yield running


@pytest.fixture
async def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """Telegram, emptied."""
    await shared_sandbox.bot.delete_webhook(drop_pending_updates=True)
    await shared_sandbox.control.post("/reset")
    await shared_sandbox.control.delete("/faults")
    return shared_sandbox


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def settings(app_environment: dict[str, str], sandbox: Sandbox, port: int) -> Settings:
    environment: dict[str, Any] = {
        **app_environment,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TELEGRAM_API_URL": sandbox.url,
        "DEMO_BASE_URL": f"{sandbox.url}/vendor",
        # A test writes faster than a person.
        "TELEGRAM_SENDS_PER_SECOND": "1000",
        "TELEGRAM_CHAT_SENDS_PER_SECOND": "1000",
        "WEBHOOK_HANDLER_SECONDS": "4",
    }
    return Settings(_env_file=None, **{name.lower(): value for name, value in environment.items()})


@pytest.fixture
async def container(settings: Settings) -> AsyncIterator[Container]:
    async with Container(settings) as container:
        await container.seed()
        yield container


@pytest.fixture
async def bot(container: Container, sandbox: Sandbox, port: int) -> AsyncIterator[Telegram]:
    """The bot at its webhook, known to Telegram; nothing works on what it accepts."""
    telegram = Telegram(container)
    async with serving(create_http(container, telegram_router=telegram.router), port=port):
        await telegram.start()

        async def is_set() -> bool:
            return (await sandbox.control.get("/bot")).json()["webhook_url"] is not None

        await until(is_set)
        yield telegram
        await sandbox.bot.delete_webhook(drop_pending_updates=True)
        await telegram.stop()


@pytest.fixture
async def working(bot: Telegram, container: Container) -> AsyncIterator[Container]:
    """The bot and the worker."""
    worker = WorkerService(container)
    await worker.start()
    yield container
    await worker.stop()


@pytest.fixture
def new_phone(bot: Telegram, sandbox: Sandbox) -> NewPhone:
    """Gives somebody a phone: `await new_phone(language="ru")`; unless told not to, they have started the bot."""

    async def create(*, name: str = "Ann", language: str = "en", started: bool = True) -> Phone:
        answer = await sandbox.control.post("/users", json={"first_name": name, "language_code": language})
        assert answer.status_code == 200, answer.text
        phone = Phone(sandbox.control, answer.json()["id"])
        if started:
            await phone.ask("/start")
        return phone

    return create
