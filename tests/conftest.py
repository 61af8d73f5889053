"""Servers, databases and processes for every test: real ones, embedded or named by URL, started once a session."""

import itertools
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aioboto3
import asyncpg
import pytest
import structlog

from app.sandbox.processes import free_port, log_tail
from app.sandbox.servers import S3, S3_REGION, Postgres, ServerProcess, Valkey, new_secret
from tests.harness import (
    ADMIN_ID,
    ALERT_CHAT_ID,
    BOT_TOKEN,
    BOT_USERNAME,
    CARD_TERMINALS,
    WEBHOOK_SECRET,
    Bucket,
    StarbrushProcess,
    emptied,
    migrate,
)

# Logical databases of our own Valkey are taken in turn, so that a straggler of one test cannot write into the next.
_REDIS_DATABASES = 64
# Of a server named by URL: the named one and the next ones, so many for each of the sessions that run side by side.
_NAMED_REDIS_DATABASES = 4
# Of this session alone, so that two sessions may share one server named by URL.
_SESSION = new_secret()[:8]

AppFactory = Callable[..., StarbrushProcess]


# Logs


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """One line an event. Unconfigured, structlog draws every traceback with its variables, which takes seconds."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ]
    )
    yield
    structlog.reset_defaults()


# Servers, once a session


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    """The directory of the session's servers, gone with them."""
    home = Path(tempfile.mkdtemp(prefix="starbrush-tests-"))
    yield home
    shutil.rmtree(home)


@pytest.fixture
def reachable_path(server_home: Path, database_names: Iterator[str]) -> Iterator[Path]:
    """A directory for a PostgreSQL of this test alone.

    Not `tmp_path`: as root PostgreSQL runs under another account, and pytest closes its directories to that.
    """
    path = server_home / next(database_names)
    path.mkdir()
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def postgres_url(server_home: Path) -> Iterator[str]:
    """A server on which databases may be created: `DATABASE_URL` or our own, without fsync."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    server = Postgres(server_home, free_port(), new_secret(), durable=False)
    process = ServerProcess(server, log_dir=server_home).start()
    yield server.url
    process.stop()


@pytest.fixture(scope="session")
def redis_server_url(server_home: Path) -> Iterator[str]:
    """`REDIS_URL` or our own Valkey, without a file."""
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    server = Valkey(server_home, free_port(), durable=False)
    process = ServerProcess(server, log_dir=server_home).start()
    yield server.url
    process.stop()


@pytest.fixture(scope="session")
async def s3(server_home: Path) -> AsyncIterator[Bucket]:
    """A fresh bucket on `S3_ENDPOINT_URL` or on our own server. Tests choose keys of their own in it."""
    if given := os.environ.get("S3_ENDPOINT_URL"):
        keys = os.environ["S3_ACCESS_KEY"], os.environ["S3_SECRET_KEY"], os.environ.get("S3_REGION", S3_REGION)
        bucket = Bucket(given, keys[0], keys[1], f"starbrush-tests-{_SESSION}", keys[2])
        await _create_bucket(bucket)
        yield bucket
        return
    server = S3(server_home, free_port(), new_secret(), new_secret(), bucket=f"tests-{_SESSION}")
    process = ServerProcess(server, log_dir=server_home).start()
    bucket = Bucket(server.url, server.access_key, server.secret_key, server.bucket, S3_REGION)
    await _create_bucket(bucket)
    yield bucket
    process.stop()


async def _create_bucket(bucket: Bucket) -> None:
    session = aioboto3.Session(bucket.access_key, bucket.secret_key, region_name=bucket.region)
    async with session.client("s3", endpoint_url=bucket.endpoint_url) as client:
        existing = await client.list_buckets()
        if bucket.bucket not in {found["Name"] for found in existing["Buckets"]}:
            await client.create_bucket(Bucket=bucket.bucket)


# Databases, one a test


def _at_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def _administer(postgres_url: str, statement: str) -> None:
    connection = await asyncpg.connect(re.sub(r"^postgresql\+\w+:", "postgresql:", postgres_url))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def template_database(postgres_url: str) -> AsyncIterator[str]:
    """The name of a migrated, empty database, which every test's database is a copy of."""
    name = f"starbrush_{_SESSION}_template"
    await _administer(postgres_url, f"CREATE DATABASE {name}")
    migrate(_at_database(postgres_url, name))
    yield name
    await _administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def database_names() -> Iterator[str]:
    """Names for databases, none given twice."""
    return (f"starbrush_{_SESSION}_{number}" for number in itertools.count())


@pytest.fixture
async def database_url(postgres_url: str, template_database: str, database_names: Iterator[str]) -> AsyncIterator[str]:
    """A migrated database of this test alone."""
    name = next(database_names)
    # Copied as files: quicker than through the log when nothing waits for the disk.
    await _administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY")
    yield _at_database(postgres_url, name)
    await _administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_database_url(postgres_url: str, database_names: Iterator[str]) -> AsyncIterator[str]:
    """A database of this test alone without any table, for tests of the migrations."""
    name = next(database_names)
    await _administer(postgres_url, f"CREATE DATABASE {name}")
    yield _at_database(postgres_url, name)
    await _administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def redis_urls(redis_server_url: str) -> Iterator[str]:
    """Addresses of logical databases, in turn. Of a server named by URL the named one and the next few are used."""
    if "REDIS_URL" not in os.environ:
        return itertools.cycle(_at_database(redis_server_url, str(number)) for number in range(_REDIS_DATABASES))
    named = int(urlsplit(redis_server_url).path.strip("/") or 0)
    session = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = named + session * _NAMED_REDIS_DATABASES
    databases = range(first, first + _NAMED_REDIS_DATABASES)
    return itertools.cycle(_at_database(redis_server_url, str(number)) for number in databases)


@pytest.fixture
def redis_url(redis_urls: Iterator[str]) -> str:
    """An empty logical database of Redis."""
    return emptied(next(redis_urls))


# Servers that a test may kill: always our own, and the test's alone


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[ServerProcess]:
    """A Valkey of this test alone, with an append-only file: `kill()`, `start()`, `server.url`."""
    process = ServerProcess(Valkey(tmp_path, free_port()), log_dir=tmp_path).start()
    yield process
    process.kill()


@pytest.fixture
def own_postgres(reachable_path: Path) -> Iterator[ServerProcess]:
    """A migrated PostgreSQL of this test alone: `kill()`, `start()`, `server.url`."""
    server = Postgres(reachable_path, free_port(), new_secret(), durable=False)
    process = ServerProcess(server, log_dir=reachable_path).start()
    migrate(process.server.url)
    yield process
    process.kill()


@pytest.fixture
def own_s3(tmp_path: Path) -> Iterator[ServerProcess]:
    """An S3 server of this test alone: `kill()`, `start()`; its `server` has keys and bucket."""
    process = ServerProcess(S3(tmp_path, free_port(), new_secret(), new_secret()), log_dir=tmp_path).start()
    yield process
    process.kill()


# Processes


@pytest.fixture
def sandbox_process(database_url: str, tmp_path: Path) -> Iterator[AppFactory]:
    """Starts `starbrush sandbox` on a free port with data of its own; all of them are stopped after the test.

    `sandbox_process("--vendor-delay", "0", env={…}, wait=True)`; the bot's token is `harness.BOT_TOKEN`.
    """
    started: list[StarbrushProcess] = []

    def start(*arguments: str, env: Mapping[str, str] | None = None, wait: bool = True) -> StarbrushProcess:
        port = free_port()
        data_dir = tmp_path / f"sandbox-{len(started)}"
        data_dir.mkdir()
        process = StarbrushProcess(
            "sandbox",
            "--port",
            str(port),
            *arguments,
            port=port,
            ready_path="/sandbox/api/bot",
            env={
                "ENVIRONMENT": "test",
                "DATABASE_URL": database_url,
                "DATA_DIR": str(data_dir),
                "BOT_TOKEN": BOT_TOKEN,
                "BOT_USERNAME": BOT_USERNAME,
                "ADMIN_IDS": str(ADMIN_ID),
                "ALERT_CHAT_ID": str(ALERT_CHAT_ID),
                **CARD_TERMINALS,
                **(env or {}),
            },
            log_path=data_dir / "sandbox.log",
        )
        started.append(process)
        return process.start(wait=wait)

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def app_environment(database_url: str, redis_url: str, s3: Bucket) -> dict[str, str]:
    """Every setting of an app in a test, but for the addresses of itself and of its sandbox."""
    return {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        **s3.environment,
        "BOT_TOKEN": BOT_TOKEN,
        "BOT_USERNAME": BOT_USERNAME,
        "TELEGRAM_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "ADMIN_IDS": str(ADMIN_ID),
        "ALERT_CHAT_ID": str(ALERT_CHAT_ID),
        "PROVIDERS": "demo",
        "DEMO_API_KEY": "demo",
        **CARD_TERMINALS,
        "WEBAPP_SECRET": "cabinet_secret_of_the_tests_0123456789",
        "METRICS_TOKEN": "metrics_token_of_the_tests_0123456789",
        "ADMIN_UI_PASSWORD": "operator-of-the-tests",
        "ADMIN_UI_SESSION_SECRET": "operator_session_of_the_tests_0123456789",
    }


@pytest.fixture
def app_process(app_environment: dict[str, str], tmp_path: Path) -> Iterator[AppFactory]:
    """Starts `starbrush serve` (or other arguments) on a free port; all of them are killed after the test.

    `app_process(sandbox, "serve", "--no-worker", env={…}, wait=True)`: variables given win over the test's settings.
    """
    started: list[StarbrushProcess] = []

    def start(
        sandbox: StarbrushProcess, *arguments: str, env: Mapping[str, str] | None = None, wait: bool = True
    ) -> StarbrushProcess:
        port = free_port()
        home = tmp_path / f"app-{len(started)}"
        home.mkdir()
        process = StarbrushProcess(
            *(arguments or ("serve",)),
            port=port,
            ready_path=None if "worker" in arguments else "/readyz",
            env={
                **app_environment,
                "PUBLIC_URL": f"http://127.0.0.1:{port}",
                "TELEGRAM_API_URL": sandbox.url,
                "DEMO_BASE_URL": f"{sandbox.url}/vendor",
                "TBANK_BASE_URL": f"{sandbox.url}/tbank",
                **(env or {}),
            },
            log_path=home / "app.log",
        )
        started.append(process)
        return process.start(wait=wait)

    yield start
    for process in started:
        process.kill()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of every process's log beside a failure."""
    report = yield
    arguments = getattr(item, "funcargs", {})
    homes = [arguments[name] for name in ("tmp_path", "reachable_path") if name in arguments]
    if report.failed:
        logs = [(home, log) for home in homes for log in sorted(home.rglob("*.log"))]
        report.sections += [(f"end of {log.relative_to(home)}", log_tail(log)) for home, log in logs]
    return report
