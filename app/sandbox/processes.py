"""Child processes of the demo and of the tests: started, probed and stopped so that none outlives its parent."""

import atexit
import contextlib
import ctypes
import functools
import http.client
import itertools
import os
import platform
import pwd
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"

_PROBE_TIMEOUT_SECONDS: Final = 1.0
_PROBE_PAUSE_SECONDS: Final = 0.02
# The first start of PostgreSQL on a slow disk, and crash recovery after a kill, both fit into this.
_START_LIMIT_SECONDS: Final = 60.0
_STOP_LIMIT_SECONDS: Final = 20.0
_LOG_TAIL_CHARACTERS: Final = 4_000
# Below those that the kernel gives to outgoing connections (Linux 32768, others 49152): one of these could otherwise
# take the port of a server while that is down to be started again.
_SERVER_PORTS: Final = range(20_000, 32_000)
# Each process that asks for ports gets some of its own: between the choice of a port and its server's first breath
# there are seconds, in which another process would find it free as well.
_PORTS_A_PROCESS: Final = 200
# Linux prctl(2): the signal a process gets when the thread that started it dies.
_PR_SET_PDEATHSIG: Final = 1


class ServerError(RuntimeError):
    """A server's binary is missing, or the server did not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Command:
    """A child process to start: what to run, and which signals end it."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment, or all of it when that is not inherited."""
    inherits_environment: bool = True
    account: str | None = None
    """The system account to run as; None keeps ours."""
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    """Sent by the kernel when whoever started the process is gone (Linux)."""


def spawn(command: Command, *, log_path: Path) -> subprocess.Popen[bytes]:
    """Start a child in its own session, its output appended to `log_path`, that does not outlive this thread.

    Its own session keeps a Ctrl-C in the terminal from reaching it: whoever started it stops it, in order.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    account = pwd.getpwnam(command.account) if command.account is not None else None
    with log_path.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own commands
            command.argv,
            cwd=command.cwd,
            env={**os.environ, **command.env} if command.inherits_environment else command.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.pw_uid if account is not None else None,
            group=account.pw_gid if account is not None else None,
            extra_groups=[] if account is not None else None,
            preexec_fn=_die_with_parent(command.orphan_signal),  # noqa: PLW1509 - no Python threads run by then
        )


def stop(process: subprocess.Popen[bytes], command: Command, *, limit_seconds: float = _STOP_LIMIT_SECONDS) -> None:
    """End a child with its stop signal, and with SIGKILL when it has not gone within the limit."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(command.stop_signal)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(limit_seconds)
    kill_tree(process)


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and whatever it started, and collect it.

    PostgreSQL's own children leave its process group, so they are found by their parents.
    """
    if process.poll() is not None:
        return  # its number may be somebody else's by now
    for pid in (process.pid, *_descendants(process.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text().split()):
                found += [child, *_descendants(child)]
    return found


def wait_until_ready(
    name: str, is_ready: Callable[[], bool], process: subprocess.Popen[bytes], *, log_path: Path
) -> None:
    """Wait until a child answers.

    Raises: ServerError with the end of its log when it ended or the limit is over; it is killed then.
    """
    deadline = time.monotonic() + _START_LIMIT_SECONDS
    while not is_ready():
        status = process.poll()
        if status is None and time.monotonic() < deadline:
            time.sleep(_PROBE_PAUSE_SECONDS)
            continue
        kill_tree(process)
        how = f"ended with status {status}" if status is not None else "did not answer in time"
        message = f"{name} {how}; the end of {log_path}:\n{log_tail(log_path)}"
        raise ServerError(message)


def log_tail(path: Path) -> str:
    """The end of a log file, for error messages."""
    return path.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:] if path.exists() else "(no log)"


def port_is_free(port: int) -> bool:
    """Whether a server could listen at this TCP port of the loopback interface."""
    with socket.socket() as probe, contextlib.suppress(OSError):
        # As servers do: a closed connection in TIME_WAIT does not keep a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return True
    return False


def free_port(preferred: int | None = None) -> int:
    """A free TCP port of the loopback interface: the preferred one where possible.

    Raises: ServerError when all that were tried are taken.
    """
    ours = itertools.islice(_own_ports(), _PORTS_A_PROCESS)
    for port in ours if preferred is None else itertools.chain((preferred,), ours):
        if port_is_free(port):
            return port
    message = f"none of {_PORTS_A_PROCESS} ports is free"
    raise ServerError(message)


@functools.cache
def _own_ports() -> Iterator[int]:
    """Ports that no other process is given by this function, in turn, for as long as this process lives."""
    firsts = list(_SERVER_PORTS[::_PORTS_A_PROCESS])
    secrets.SystemRandom().shuffle(firsts)
    for first in firsts:
        with contextlib.suppress(OSError):
            # Whoever listens at the first port has them all, until the process ends.
            atexit.register(socket.create_server((HOST, first)).close)
            return itertools.cycle(range(first + 1, first + _PORTS_A_PROCESS))
    message = f"other processes have all ports between {_SERVER_PORTS[0]} and {_SERVER_PORTS[-1]}"
    raise ServerError(message)


def http_status(port: int, path: str) -> int | None:
    """The status of a GET on the loopback interface, or None when nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_PROBE_TIMEOUT_SECONDS)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status
    return None


def tcp_exchange(port: int, request: bytes) -> bytes:
    """The first answer to a request on the loopback interface; empty when nobody answers."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((HOST, port), timeout=_PROBE_TIMEOUT_SECONDS) as connection,
    ):
        connection.sendall(request)
        return connection.recv(1024)
    return b""


def run_once(command: Command, *, limit_seconds: float, text_in: str = "") -> None:
    """Run a command to its end.

    Raises: ServerError with the end of its output when it fails.
    """
    account = pwd.getpwnam(command.account) if command.account is not None else None
    result = subprocess.run(  # noqa: S603 - our own commands
        command.argv,
        cwd=command.cwd,
        input=text_in.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=limit_seconds,
        check=False,
        user=account.pw_uid if account is not None else None,
        group=account.pw_gid if account is not None else None,
        extra_groups=[] if account is not None else None,
    )
    if result.returncode != 0:
        message = f"{command.argv[0]} failed:\n{result.stdout.decode(errors='replace')[-_LOG_TAIL_CHARACTERS:]}"
        raise ServerError(message)


def _die_with_parent(orphan_signal: signal.Signals) -> Callable[[], None] | None:
    if platform.system() != "Linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def in_child() -> None:
        # Runs after the change of account, which would clear it.
        libc.prctl(_PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return in_child
