"""Servers, a database full of users, and processes to measure."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.container import Container
from app.domain.actors import Actor
from app.domain.users.service import TelegramIdentity
from app.sandbox.processes import Command, free_port, http_status, spawn, stop, wait_until_ready
from app.sandbox.servers import S3, S3_REGION, Postgres, ServerProcess, Valkey, new_secret
from app.settings import Settings
from tests.harness import BOT_TOKEN, BOT_USERNAME, WEBHOOK_SECRET, machine_environment, migrate

# Limits of tiers are not what is measured.
_LIMITS = ("ACTIVE_FREE", "PER_MINUTE_FREE", "PER_HOUR_FREE")


@dataclass(frozen=True, slots=True)
class Rig:
    """Running servers and the settings of a process that uses them."""

    home: Path
    environment: Mapping[str, str]
    postgres: ServerProcess
    redis: ServerProcess
    s3: ServerProcess

    def settings(self, **changes: str) -> Settings:
        """The settings, read as every process reads them."""
        before = dict(os.environ)
        os.environ.update({**self.environment, **changes})
        try:
            return Settings(_env_file=None)
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def start_rig() -> Iterator[Rig]:
    """PostgreSQL with fsync as in production, Valkey, S3, a migrated database. Everything is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="starbrush-load-"))
    servers = [
        ServerProcess(server, log_dir=home)
        for server in (
            Postgres(home, free_port(), new_secret(), durable=True),
            Valkey(home, free_port(), durable=False),
            S3(home, free_port(), new_secret(), new_secret()),
        )
    ]
    try:
        for server in servers:
            server.start()
        postgres, redis, s3 = servers
        migrate(postgres.server.url)
        assert isinstance(s3.server, S3)
        environment = {
            "ENVIRONMENT": "test",
            "LOG_LEVEL": "WARNING",
            "DATABASE_URL": postgres.server.url,
            "REDIS_URL": redis.server.url,
            "S3_ENDPOINT_URL": s3.server.url,
            "S3_ACCESS_KEY": s3.server.access_key,
            "S3_SECRET_KEY": s3.server.secret_key,
            "S3_BUCKET": s3.server.bucket,
            "S3_REGION": S3_REGION,
            "BOT_TOKEN": BOT_TOKEN,
            "BOT_USERNAME": BOT_USERNAME,
            "TELEGRAM_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "PUBLIC_URL": "http://127.0.0.1:9",
            "TELEGRAM_API_URL": "http://127.0.0.1:9",
            "PROVIDERS": "demo",
            "DEMO_BASE_URL": "http://127.0.0.1:9/vendor",
            "DEMO_API_KEY": "demo",
            "WEBAPP_SECRET": new_secret() + new_secret(),
            "METRICS_TOKEN": new_secret() + new_secret(),
            **dict.fromkeys(_LIMITS, "1000000"),
        }
        yield Rig(home, environment, postgres, redis, s3)
    finally:
        for server in reversed(servers):
            server.stop()
        shutil.rmtree(home)


@asynccontextmanager
async def open_container(rig: Rig, **changes: str) -> AsyncIterator[Container]:
    """The product's services, in this process."""
    async with Container(rig.settings(**changes)) as container:
        await container.seed()
        yield container


async def enter_users(container: Container, count: int, *, balance: int, first_id: int = 800_000_000) -> list[int]:
    """Users with credits; returns our ids. Telegram's ids count up from `first_id`."""

    async def enter(telegram_id: int) -> int:
        visit = await container.services.accounts.enter(TelegramIdentity(telegram_id, "Load", None, "en"))
        await container.services.credits.adjust(Actor.operator("load"), telegram_id, balance, reason="load")
        return visit.user.id

    found: list[int] = []
    for begin in range(0, count, 20):
        batch = range(first_id + begin, first_id + min(begin + 20, count))
        found += await asyncio.gather(*(enter(telegram_id) for telegram_id in batch))
    return found


class Measured:
    """A child process and the processor time and memory that the system notes for it."""

    def __init__(self, name: str, argv: tuple[str, ...], *, port: int, path: str, env: Mapping[str, str], home: Path):
        self.port = port
        self._command = Command(
            argv=argv, cwd=home, env={**machine_environment(), **env, "PORT": str(port)}, inherits_environment=False
        )
        log_path = home / f"{name}.log"
        self._process = spawn(self._command, log_path=log_path)
        wait_until_ready(name, lambda: http_status(port, path) == 200, self._process, log_path=log_path)

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        stop(self._process, self._command, limit_seconds=60)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children, live ones included (Linux)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        if int(stat.parent.name) == pid or int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_megabytes(pid: int) -> float:
    """Resident memory of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def wait_for(done: Callable[[], Awaitable[bool]], *, seconds: float, every: float = 0.05) -> float:
    """Ask until it is true; returns the seconds it took. Raises: TimeoutError."""
    began_at = time.perf_counter()
    async with asyncio.timeout(seconds):
        while not await done():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(every)
    return time.perf_counter() - began_at
