"""The supervisor keeps processes running, holds them when told, and leaves none behind, however it ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from app.sandbox.processes import Command, free_port, port_is_free
from app.sandbox.supervisor import Service, Supervisor, SupervisorError
from tests.harness import ROOT, machine_environment
from tests.waiting import LIMIT_SECONDS

# The supervisor promises a second; a machine that runs other tests meanwhile gets a few.
RESTART_LIMIT_SECONDS = 5.0

# Answers at a port, and says when it is asked to stop.
PROGRAM = textwrap.dedent("""
    import pathlib, signal, socket, sys, time
    name, port, journal, drain = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3]), float(sys.argv[4])
    def note(word):
        with journal.open("a") as file:
            file.write(f"{name} {word}\\n")
    def end(*_):
        note("drains")
        time.sleep(drain)
        note("stops")
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    with socket.create_server(("127.0.0.1", port)) as server:
        note("starts")
        while True:
            server.accept()[0].close()
""")

# A supervisor of two such programs, in a process of its own so that it can be killed.
SUPERVISOR = textwrap.dedent("""
    import json, pathlib, sys
    from app.sandbox.processes import Command, port_is_free
    from app.sandbox.supervisor import Service, Stopped, Supervisor, SupervisorError, say
    home, table = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
    def service(name, port, drain):
        argv = (sys.executable, str(home / "program.py"), name, str(port), str(home / "journal"), str(drain))
        return Service(name=name, command=lambda: Command(argv=argv, cwd=home), is_ready=lambda: not port_is_free(port))
    supervisor = Supervisor(run_dir=home / "run", log_dir=home / "log", say=say)
    supervisor.handle_signals()
    try:
        supervisor.claim()
        supervisor.add(*(service(*row) for row in table))
        for name, _, _ in table:
            supervisor.start(name)
        say("running")
        supervisor.keep()
    except Stopped:
        say("stopped early")
    except SupervisorError as error:
        say(str(error))
        sys.exit(1)
    finally:
        supervisor.stop()
""")


def wait_until(condition: Callable[[], bool], *, limit_seconds: float = LIMIT_SECONDS) -> float:
    """Wait for a condition; the seconds it took. Fails when the limit is over."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < limit_seconds, f"not so within {limit_seconds} s"
        time.sleep(0.01)
    return time.monotonic() - started


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


class Demo:
    """A supervisor in a process of its own, over programs named `first` and `second`."""

    def __init__(self, home: Path, *, drain_seconds: float = 0) -> None:
        self.home = home
        self.ports = {"first": free_port(), "second": free_port()}
        self._table = [[name, port, drain_seconds] for name, port in self.ports.items()]
        self.process: subprocess.Popen[str] | None = None
        (home / "program.py").write_text(PROGRAM)
        (home / "supervisor.py").write_text(SUPERVISOR)

    def start(self) -> subprocess.Popen[str]:
        output = (self.home / "output").open("w")
        with output:
            self.process = subprocess.Popen(
                [sys.executable, str(self.home / "supervisor.py"), str(self.home), json.dumps(self._table)],
                cwd=ROOT,
                env={**machine_environment(), "PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=output,
                text=True,
            )
        return self.process

    def started(self) -> "Demo":
        self.start()
        wait_until(lambda: "running" in self.output)
        return self

    @property
    def output(self) -> str:
        return (self.home / "output").read_text()

    @property
    def journal(self) -> list[str]:
        return (self.home / "journal").read_text().splitlines()

    def pid(self, name: str) -> int:
        return int((self.home / "run" / f"{name}.pid").read_text())

    def pids(self) -> list[int]:
        return [self.pid(name) for name in self.ports]

    def restarted(self, name: str, *, other_than: int) -> bool:
        return self.pid(name) != other_than and not port_is_free(self.ports[name])

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    yield demo
    demo.end()


@pytest.fixture
def slow_demo(tmp_path: Path) -> Iterator[Demo]:
    """Its programs take ten minutes to drain."""
    demo = Demo(tmp_path, drain_seconds=600)
    yield demo
    demo.end()


def test_a_killed_process_runs_again_within_a_second(demo: Demo) -> None:
    demo.started()
    killed, other = demo.pid("first"), demo.pid("second")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: demo.restarted("first", other_than=killed), limit_seconds=RESTART_LIMIT_SECONDS)
    assert demo.pid("second") == other


def test_one_that_dies_again_and_again_is_started_again_and_again(demo: Demo) -> None:
    demo.started()
    for _ in range(3):
        killed = demo.pid("first")
        os.kill(killed, signal.SIGKILL)
        wait_until(partial(demo.restarted, "first", other_than=killed), limit_seconds=RESTART_LIMIT_SECONDS)


def test_a_held_process_stays_dead_until_the_hold_is_gone(demo: Demo) -> None:
    demo.started()
    hold = demo.home / "run" / "first.hold"
    hold.touch()
    killed = demo.pid("first")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: "held" in demo.output)
    # The other one's restart shows that the supervisor has looked at both since.
    other = demo.pid("second")
    os.kill(other, signal.SIGKILL)
    wait_until(lambda: demo.restarted("second", other_than=other))
    assert port_is_free(demo.ports["first"])
    hold.unlink()
    wait_until(lambda: not port_is_free(demo.ports["first"]), limit_seconds=RESTART_LIMIT_SECONDS)
    assert demo.pid("first") != killed


def test_a_hold_does_not_stop_a_living_process(demo: Demo) -> None:
    demo.started()
    (demo.home / "run" / "first.hold").touch()
    pid, other = demo.pid("first"), demo.pid("second")
    os.kill(other, signal.SIGKILL)
    wait_until(lambda: demo.restarted("second", other_than=other))
    assert demo.pid("first") == pid
    assert is_alive(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_the_last_started_first(demo: Demo, number: signal.Signals) -> None:
    process = demo.started().process
    pids = demo.pids()
    assert process is not None
    process.send_signal(number)
    assert process.wait(LIMIT_SECONDS) == 0
    assert not any(map(is_alive, pids))
    stops = [line for line in demo.journal if line.endswith(("drains", "stops"))]
    assert stops == ["second drains", "second stops", "first drains", "first stops"]
    assert not list((demo.home / "run").glob("*.pid"))


def test_a_signal_during_the_start_stops_what_has_been_started(demo: Demo) -> None:
    blocked = Path(demo.home / "program.py")
    blocked.write_text(
        PROGRAM.replace("socket.create_server", "name == 'second' and time.sleep(600) or socket.create_server")
    )
    process = demo.start()
    wait_until((demo.home / "run" / "second.pid").exists)
    pids = demo.pids()
    process.terminate()
    assert process.wait(LIMIT_SECONDS) == 0
    assert not any(map(is_alive, pids))


def test_a_second_request_later_on_ends_the_patience(slow_demo: Demo) -> None:
    process = slow_demo.started().process
    pids = slow_demo.pids()
    assert process is not None
    process.terminate()
    wait_until(lambda: "second drains" in slow_demo.journal)

    def ended() -> bool:
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    wait_until(ended)
    assert not any(map(is_alive, pids))


def test_a_killed_supervisor_leaves_no_orphans_and_can_be_started_again(demo: Demo) -> None:
    process = demo.started().process
    pids = demo.pids()
    assert process is not None
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(is_alive, pids)))
    demo.started()
    assert not set(pids) & set(demo.pids())


def test_a_second_supervisor_names_the_first(demo: Demo, tmp_path: Path) -> None:
    first = demo.started().process
    assert first is not None
    with pytest.raises(SupervisorError, match=f"already running here \\(process {first.pid}\\)"):
        Supervisor(run_dir=tmp_path / "run", log_dir=tmp_path / "log", say=lambda _: None).claim()
    assert all(map(is_alive, demo.pids()))


def test_a_pid_file_of_a_stranger_does_not_block(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["/bin/sleep", "60"])
    pid_path = tmp_path / "run" / "app.pid"
    pid_path.parent.mkdir()
    pid_path.write_text(str(stranger.pid))
    supervisor = Supervisor(run_dir=tmp_path / "run", log_dir=tmp_path / "log", say=lambda _: None)
    supervisor.claim()
    assert not pid_path.exists()
    supervisor.stop()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_what_does_not_start_is_named_with_its_log(tmp_path: Path) -> None:
    broken = Command(argv=(sys.executable, "-c", "raise SystemExit('no such luck')"), cwd=tmp_path)
    supervisor = Supervisor(run_dir=tmp_path / "run", log_dir=tmp_path / "log", say=lambda _: None)
    supervisor.claim()
    supervisor.add(Service(name="broken", command=lambda: broken, is_ready=lambda: False))
    with pytest.raises(SupervisorError, match=r"broken ended with status 1(.|\n)*no such luck"):
        supervisor.start("broken")
    supervisor.stop()
