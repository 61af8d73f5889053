"""A whole product in the test's own event loop: container and worker over real servers and a real sandbox."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from app.container import Container
from app.domain.users.service import TelegramIdentity
from app.domain.users.views import UserView
from app.settings import Settings
from app.worker.setup import WorkerService
from tests.harness import StarbrushProcess


@pytest.fixture
def sandbox(sandbox_process: Callable[..., StarbrushProcess]) -> StarbrushProcess:
    return sandbox_process()


@pytest.fixture
def settings(app_environment: dict[str, str], sandbox: StarbrushProcess, monkeypatch: pytest.MonkeyPatch) -> Settings:
    environment = {
        **app_environment,
        "PUBLIC_URL": "http://127.0.0.1:9",
        "TELEGRAM_API_URL": sandbox.url,
        "DEMO_BASE_URL": f"{sandbox.url}/vendor",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings(_env_file=None)


@pytest.fixture
async def container(settings: Settings) -> AsyncIterator[Container]:
    """The product without its worker."""
    async with Container(settings) as container:
        await container.seed()
        yield container


@pytest.fixture
async def working(container: Container) -> AsyncIterator[Container]:
    """The product at work."""
    worker = WorkerService(container)
    await worker.start()
    yield container
    await worker.stop()


Newcomer = Callable[..., Awaitable[UserView]]


@pytest.fixture
def newcomer(container: Container) -> Newcomer:
    """Brings in a user with the first credits and, if asked, more."""
    count = 0

    async def enter(*, balance: int = 20) -> UserView:
        nonlocal count
        count += 1
        telegram_id = 700_000_000 + count
        visit = await container.services.accounts.enter(TelegramIdentity(telegram_id, f"User {count}", None, "en"))
        if balance != 20:
            from app.domain.actors import Actor

            return await container.services.credits.adjust(
                Actor.operator("test"), telegram_id, balance - 20, reason="a test needs them"
            )
        return visit.user

    return enter
