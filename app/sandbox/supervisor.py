"""Keeps child processes running: started in order, started again within a second of dying, stopped in reverse.

Each has `run_dir/NAME.pid` and a log. While `run_dir/NAME.hold` exists, a dead one is left dead.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from app.sandbox.processes import Command, ServerError, kill_tree, log_tail, spawn

_TICK_SECONDS: Final = 0.05
# A second after its death a process must run again; this leaves room for the start itself.
_RESTART_DELAY_SECONDS: Final = 0.7
# One that died sooner than this after its start is likely to die again, and is not restarted at once.
_SHORT_LIFE_SECONDS: Final = 3.0
_START_LIMIT_SECONDS: Final = 90.0
_SECOND_REQUEST_AFTER_SECONDS: Final = 1.0
_HURRIED_LIMIT_SECONDS: Final = 3.0
# What the children of a killed supervisor take to follow it: PostgreSQL writes a checkpoint first.
_ORPHAN_LIMIT_SECONDS: Final = 20.0


class SupervisorError(RuntimeError):
    """Something did not start; the message says what, and what to do."""


class Stopped(Exception):
    """The supervisor was told to stop while it waited."""


@dataclass(frozen=True, slots=True)
class Service:
    """One process to keep running. `needs` are waited for, within the second, when it is started again."""

    name: str
    command: Callable[[], Command]
    is_ready: Callable[[], bool]
    prepare: Callable[[], None] | None = None
    needs: tuple[str, ...] = ()
    stop_limit_seconds: float = 20.0


class _Child:
    """A service and its present process, if any."""

    def __init__(self, service: Service, *, run_dir: Path, log_dir: Path) -> None:
        self.service = service
        self.pid_path = run_dir / f"{service.name}.pid"
        self.hold_path = run_dir / f"{service.name}.hold"
        self.log_path = log_dir / f"{service.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._died_at = 0.0

    def spawn(self) -> None:
        if self.service.prepare is not None:
            self.service.prepare()
        self.process = spawn(self.service.command(), log_path=self.log_path)
        self._started_at = time.monotonic()
        # Replaced in one step, so that a reader never finds half a number.
        fresh = self.pid_path.with_suffix(".pid.new")
        fresh.write_text(f"{self.process.pid}\n")
        fresh.replace(self.pid_path)

    def collect(self) -> int | None:
        """The exit status of a process that has died since the last call."""
        status = self.process.poll() if self.process is not None else None
        if status is not None:
            self.process = None
            self._died_at = time.monotonic()
        return status

    def may_start(self, *, needs_are_ready: bool) -> bool:
        waited = time.monotonic() - self._died_at >= _RESTART_DELAY_SECONDS
        lived_well = self._died_at - self._started_at >= _SHORT_LIFE_SECONDS
        return waited or (lived_well and needs_are_ready)

    def is_held(self) -> bool:
        return self.hold_path.exists()


class Supervisor:
    """The processes of one demo. Everything runs in the thread that made it, since children die with that thread."""

    def __init__(self, *, run_dir: Path, log_dir: Path, say: Callable[[str], None]) -> None:
        self._run_dir = run_dir
        self._log_dir = log_dir
        self._children: dict[str, _Child] = {}
        self._lock_path = run_dir / "supervisor.pid"
        self._lock: int | None = None
        self._say = say
        self._stop_requested_at: float | None = None
        self._hurried = False

    def request_stop(self, _signal_number: int = 0, _frame: FrameType | None = None) -> None:
        """Make `start`, `run_once` and `keep` end. A second request ends waiting for work to be finished, too."""
        now = time.monotonic()
        if self._stop_requested_at is None:
            self._stop_requested_at = now
        # Sooner, it is the same request: make passes on a signal that the whole group has got already.
        elif now - self._stop_requested_at > _SECOND_REQUEST_AFTER_SECONDS:
            self._hurried = True

    def handle_signals(self) -> None:
        """Let Ctrl-C, SIGTERM and a closed terminal stop the demo in order."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.request_stop)

    def claim(self) -> None:
        """Make this the only supervisor of its directory, and clear what a killed one left there.

        Raises: SupervisorError naming the process when another supervisor or a process of an earlier one still runs;
            Stopped.
        """
        self._run_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(lock, 32).decode().strip()
            os.close(lock)
            message = f"A demo is already running here (process {holder}); stop it with: kill {holder}"
            raise SupervisorError(message) from None
        self._lock = lock
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        for hold_path in self._run_dir.glob("*.hold"):
            hold_path.unlink()
        for pid_path in self._run_dir.glob("*.pid"):
            if pid_path != self._lock_path:
                self._wait_for_orphan(pid_path)

    def _wait_for_orphan(self, pid_path: Path) -> None:
        pid = _read_pid(pid_path)
        deadline = time.monotonic() + _ORPHAN_LIMIT_SECONDS
        while pid is not None and _is_ours(pid):
            if time.monotonic() > deadline:
                message = f"{pid_path.stem} of an earlier demo is still running; stop it with: kill {pid}"
                raise SupervisorError(message)
            self._pause()
        pid_path.unlink()

    def add(self, *services: Service) -> None:
        """Take these on, without starting them yet."""
        for service in services:
            self._children[service.name] = _Child(service, run_dir=self._run_dir, log_dir=self._log_dir)

    def start(self, *names: str) -> None:
        """Start these together and wait until each answers; unknown names are left out.

        Raises: SupervisorError with the end of its log when one ends or stays silent; Stopped.
        """
        children = [self._children[name] for name in names if name in self._children]
        for child in children:
            try:
                child.spawn()
            except ServerError as error:
                raise SupervisorError(str(error)) from error
        for child in children:
            self._wait_for(child.service.is_ready, child)

    def run_once(self, name: str, command: Command, *, log_path: Path) -> None:
        """Run a command to its end.

        Raises: SupervisorError with the end of its log when it fails; Stopped.
        """
        process = spawn(command, log_path=log_path)
        try:
            while (status := process.poll()) is None:
                self._pause()
        finally:
            kill_tree(process)
        if status != 0:
            message = f"{name} failed with status {status}; the end of {log_path}:\n{log_tail(log_path)}"
            raise SupervisorError(message)

    def _wait_for(self, is_ready: Callable[[], bool], child: _Child) -> None:
        deadline = time.monotonic() + _START_LIMIT_SECONDS
        while not is_ready():
            status = child.collect()
            if status is not None or time.monotonic() > deadline:
                how = "did not answer" if status is None else _how_it_ended(status)
                message = f"{child.service.name} {how}; the end of {child.log_path}:\n{log_tail(child.log_path)}"
                raise SupervisorError(message)
            self._pause()

    def keep(self) -> None:
        """Start again whatever dies, until told to stop."""
        with contextlib.suppress(Stopped):
            while True:
                for child in self._children.values():
                    self._tend(child)
                self._pause()

    def _tend(self, child: _Child) -> None:
        name = child.service.name
        status = child.collect()
        if status is not None:
            self._say(f"{name} {_how_it_ended(status)}{'; held' if child.is_held() else ''}")
        if child.process is not None:
            return
        if child.is_held():
            child.pid_path.unlink(missing_ok=True)
            return
        if child.may_start(needs_are_ready=self._needs_are_ready(child)):
            try:
                child.spawn()
            except ServerError as error:
                self._say(f"{name} cannot be started: {error}")
                return
            self._say(f"{name} started again")

    def _needs_are_ready(self, child: _Child) -> bool:
        needed = (self._children[name] for name in child.service.needs if name in self._children)
        return all(other.process is not None and other.service.is_ready() for other in needed)

    def stop(self) -> None:
        """Stop everything, the last started first; each may finish its work within its limit, once."""
        for child in reversed(self._children.values()):
            if child.process is not None:
                self._stop_child(child.process, child.service)
                child.process = None
            child.pid_path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock_path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def _stop_child(self, process: subprocess.Popen[bytes], service: Service) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(service.command().stop_signal)
        asked_at = time.monotonic()
        while process.poll() is None:
            limit = _HURRIED_LIMIT_SECONDS if self._hurried else service.stop_limit_seconds
            if time.monotonic() - asked_at > limit:
                self._say(f"{service.name} did not stop and is killed")
                break
            time.sleep(_TICK_SECONDS)
        kill_tree(process)

    def _pause(self) -> None:
        if self._stop_requested_at is not None:
            raise Stopped
        time.sleep(_TICK_SECONDS)


def say(line: str) -> None:
    """Tell the developer; a closed terminal or pipe is no reason to stop."""
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _how_it_ended(status: int) -> str:
    return f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"


def _read_pid(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _is_ours(pid: int) -> bool:
    """Whether the process lives and runs something of this environment, and is no stranger with the same number."""
    if Path("/proc/self").exists():
        with contextlib.suppress(OSError):
            return sys.prefix.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        return False
    listed = subprocess.run(  # noqa: S603 - a number of ours
        ["/bin/ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return sys.prefix in listed.stdout
