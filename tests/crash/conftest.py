"""Worlds for a whole file of crashes: each test starts and kills apps of its own in them."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from app.sandbox.processes import free_port
from tests.crash.rig import World, world_of
from tests.harness import ADMIN_ID, ALERT_CHAT_ID, BOT_TOKEN, BOT_USERNAME, CARD_TERMINALS, StarbrushProcess, emptied

WORLDS = 2


@pytest.fixture(scope="module")
async def databases(
    postgres_url: str, template_database: str, database_names: Iterator[str]
) -> AsyncIterator[list[str]]:
    """Migrated databases of this file alone."""
    server = re.sub(r"^postgresql\+\w+:", "postgresql:", postgres_url)
    names = [next(database_names) for _ in range(WORLDS)]
    connection = await asyncpg.connect(server)
    for name in names:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY")
    yield [urlunsplit(urlsplit(server)._replace(path=f"/{name}")) for name in names]
    for name in names:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture(scope="module")
def sandboxes(databases: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[StarbrushProcess]]:
    """A sandbox for each of the databases."""
    started = [_sandbox(url, tmp_path_factory).start(wait=False) for url in databases]
    for process in started:
        process.wait_until_ready()
    yield started
    for process in started:
        process.kill()


def _sandbox(database_url: str, homes: pytest.TempPathFactory) -> StarbrushProcess:
    home = homes.mktemp("sandbox")
    port = free_port()
    return StarbrushProcess(
        "sandbox",
        "--port",
        str(port),
        port=port,
        ready_path="/sandbox/api/bot",
        env={
            "ENVIRONMENT": "test",
            "DATABASE_URL": database_url,
            "DATA_DIR": str(home),
            "BOT_TOKEN": BOT_TOKEN,
            "BOT_USERNAME": BOT_USERNAME,
            "ADMIN_IDS": str(ADMIN_ID),
            "ALERT_CHAT_ID": str(ALERT_CHAT_ID),
            **CARD_TERMINALS,
        },
        log_path=home / "sandbox.log",
    )


@pytest.fixture(scope="module")
def queues(redis_urls: Iterator[str]) -> list[str]:
    """A logical database of Redis for each of the databases."""
    return [emptied(next(redis_urls)) for _ in range(WORLDS)]


@pytest.fixture
async def worlds(
    sandboxes: list[StarbrushProcess], databases: list[str], queues: list[str]
) -> AsyncIterator[list[World]]:
    """Two worlds, so that two apps may be killed side by side."""
    async with AsyncExitStack() as stack:
        found = []
        for sandbox, database_url, redis_url in zip(sandboxes, databases, queues, strict=True):
            found.append(await stack.enter_async_context(world_of(sandbox, database_url, redis_url)))
        yield found


@pytest.fixture
def app_in(app_process: Callable[..., StarbrushProcess]) -> Callable[..., StarbrushProcess]:
    """Starts an app in a world, and does not wait for it: `app_in(world, NAME="value", …)`."""

    def start(world: World, *arguments: str, **environment: str) -> StarbrushProcess:
        settings = {"DATABASE_URL": world.database_url, "REDIS_URL": world.redis_url, **environment}
        return app_process(world.sandbox, *arguments, env=settings, wait=False)

    return start
