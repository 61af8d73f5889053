"""What the fixtures hand out: an S3 bucket, and `starbrush` commands running as real processes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from redis import Redis

from app.core.migrations import upgrade
from app.sandbox import processes
from app.sandbox.processes import HOST, Command

ROOT = Path(__file__).resolve().parent.parent
BOT_TOKEN = "4000000001:AAEsandboxsandboxsandboxsandboxsand"
BOT_USERNAME = "starbrush_test_bot"
WEBHOOK_SECRET = "webhook_secret_of_the_tests_0123456789"
CARD_TERMINALS = {
    "TBANK_TERMINAL_KEY": "StarbrushLive",
    "TBANK_PASSWORD": "password of the real terminal",
    "TBANK_TEST_TERMINAL_KEY": "StarbrushDEMO",
    "TBANK_TEST_PASSWORD": "password of the test terminal",
}
ADMIN_ID = 1000
ALERT_CHAT_ID = -1001

# What a program needs from the machine. Nothing else is handed down, so that a developer's settings change no test.
_MACHINE_VARIABLES = ("PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
_COMMAND_LIMIT_SECONDS = 60
_STOP_LIMIT_SECONDS = 30.0
_DEATH_LIMIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket and how to reach it."""

    endpoint_url: str
    access_key: str
    secret_key: str
    bucket: str
    region: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "S3_ENDPOINT_URL": self.endpoint_url,
            "S3_ACCESS_KEY": self.access_key,
            "S3_SECRET_KEY": self.secret_key,
            "S3_BUCKET": self.bucket,
            "S3_REGION": self.region,
        }


def machine_environment() -> dict[str, str]:
    """The environment every child gets, with no setting of the product in it."""
    return {**{key: os.environ[key] for key in _MACHINE_VARIABLES if key in os.environ}, "PYTHONPATH": str(ROOT)}


def starbrush(*arguments: str) -> tuple[str, ...]:
    """The command line of a `starbrush` command."""
    return (sys.executable, "-m", "app", *arguments)


def run_starbrush(*arguments: str, env: Mapping[str, str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its exit status."""
    return subprocess.run(
        starbrush(*arguments),
        env={**machine_environment(), **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=_COMMAND_LIMIT_SECONDS,
        check=False,
    )


def migrate(database_url: str) -> None:
    """Bring a database to the newest schema."""
    # In a thread of its own, since the migrations run an event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(upgrade, asyncpg_url(database_url)).result()


def emptied(redis_url: str) -> str:
    """The address, after everything in that logical database was deleted."""
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    return redis_url


def asyncpg_url(database_url: str) -> str:
    """The URL with SQLAlchemy's name of the asynchronous driver."""
    return f"postgresql+asyncpg://{database_url.partition('://')[2]}"


class StarbrushProcess:
    """A long-running `starbrush` command. It keeps its port and environment when it is killed and started again.

    It is ready when it answers 200 at `ready_path` or, without one, when it has logged `worker_started`.
    """

    def __init__(
        self, *arguments: str, port: int, ready_path: str | None, env: Mapping[str, str], log_path: Path
    ) -> None:
        self.port = port
        self.log_path = log_path
        self.env = {**machine_environment(), "PORT": str(port), **env}
        self._arguments = arguments
        self._ready_path = ready_path
        self._process: subprocess.Popen[bytes] | None = None
        self._earlier_log_bytes = 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self} was never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self, *, wait: bool = True, env: Mapping[str, str] | None = None) -> Self:
        """Start it, with `env` on top for this start only, and wait until it answers unless told not to.

        Raises: ServerError with the end of its log when it ends or stays silent.
        """
        assert not self.is_running, f"{self} is running already"
        self._earlier_log_bytes = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._process = processes.spawn(self._command(env or {}), log_path=self.log_path)
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Raises: ServerError with the end of its log when it ends or stays silent."""
        assert self._process is not None, f"{self} was never started"
        processes.wait_until_ready(str(self), self._is_ready, self._process, log_path=self.log_path)

    def wait_until_dead(self, *, limit_seconds: float = _DEATH_LIMIT_SECONDS) -> int:
        """Wait for it to end by itself, at a crash point for example, and give its exit status (-9 for SIGKILL)."""
        assert self._process is not None, f"{self} was never started"
        try:
            return self._process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            message = f"{self} still runs after {limit_seconds} s; the end of its log:\n{self.log[-4000:]}"
            raise AssertionError(message) from None

    def kill(self) -> None:
        """SIGKILL; harmless when it is dead."""
        if self._process is not None:
            processes.kill_tree(self._process)

    def stop(self, *, limit_seconds: float = _STOP_LIMIT_SECONDS) -> None:
        """SIGTERM, and SIGKILL when it has not drained within the limit; harmless when it is dead."""
        if self._process is not None:
            processes.stop(self._process, self._command({}), limit_seconds=limit_seconds)

    def restart(self) -> Self:
        """Kill it and start it anew."""
        self.kill()
        return self.start()

    def __str__(self) -> str:
        return f"starbrush {' '.join(self._arguments)}"

    def _command(self, env: Mapping[str, str]) -> Command:
        # Run beside its log and not in the work tree, where a developer's `.env` would be read.
        return Command(
            argv=starbrush(*self._arguments),
            cwd=self.log_path.parent,
            env={**self.env, **env},
            inherits_environment=False,
        )

    def _is_ready(self) -> bool:
        if self._ready_path is not None:
            return processes.http_status(self.port, self._ready_path) == 200
        return b"worker_started" in self.log_path.read_bytes()[self._earlier_log_bytes :]
