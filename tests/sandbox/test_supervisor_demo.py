"""`make demo` as a developer meets it: one command, five processes, kept data, clear refusals, no leftovers.

The servers are the real ones. A small program stands in for the product, so that these tests are about the demo alone.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from app.sandbox.processes import free_port, port_is_free
from tests.harness import ROOT, machine_environment

LIMIT_SECONDS = 60.0
# The demo promises a second; a machine that runs other tests meanwhile gets a few.
RESTART_LIMIT_SECONDS = 5.0
NAMES = ("app", "sandbox", "postgres", "redis", "s3")

# `migrate` counts its calls in the database; `sandbox` and `serve` answer as long as their dependencies do.
PRODUCT = textwrap.dedent("""
    import asyncio, http.server, os, sys
    import asyncpg
    async def count():
        connection = await asyncpg.connect(os.environ["DATABASE_URL"])
        await connection.execute("CREATE TABLE IF NOT EXISTS migrations (at timestamptz DEFAULT now())")
        await connection.execute("INSERT INTO migrations DEFAULT VALUES")
        print("migrated", await connection.fetchval("SELECT count(*) FROM migrations"), "times", flush=True)
        await connection.close()
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path in ("/readyz", "/sandbox/api/bot", "/sandbox/", "/api/docs") else 404)
            self.end_headers()
    if sys.argv[1] == "migrate":
        if os.environ.get("BREAK") == "migrate":
            sys.exit("the schema is broken")
        asyncio.run(count())
    else:
        port = int(sys.argv[3] if sys.argv[1] == "sandbox" else os.environ["PORT"])
        http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
""")

DEMO = "import os, pathlib, sys; from app.sandbox.demo import run_demo; "
DEMO += "sys.exit(run_demo(os.environ, program=pathlib.Path(sys.argv[1])))"


def wait_until(condition: Callable[[], object], *, limit_seconds: float = LIMIT_SECONDS) -> None:
    deadline = time.monotonic() + limit_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {limit_seconds} s"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


class Demo:
    """A demo in a directory and on ports of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data_dir = home / "data"
        self.port = free_port()
        self.sandbox_port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.program = home / "starbrush"
        self.program.write_text(f"#!{sys.executable}\n{PRODUCT}")
        self.program.chmod(0o755)

    def start(self, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        with (self.home / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", DEMO, str(self.program)],
                cwd=ROOT,
                env={
                    **machine_environment(),
                    "PORT": str(self.port),
                    "SANDBOX_PORT": str(self.sandbox_port),
                    "DATA_DIR": str(self.data_dir),
                    **(env or {}),
                },
                stdout=output,
                stderr=output,
            )
        return self.process

    def started(self, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        process = self.start(env)
        wait_until(lambda: "Starbrush is running" in self.output or process.poll() is not None)
        assert process.poll() is None, self.output
        return process

    def stopped(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(LIMIT_SECONDS) == 0, self.output

    @property
    def output(self) -> str:
        return (self.home / "output").read_text()

    @property
    def environment(self) -> dict[str, str]:
        """What a shell reads out of `run/env`."""
        listed = subprocess.run(
            ["/bin/sh", "-c", f"set -a; . '{self.data_dir}/run/env'; env -0"],
            env={},
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(line.split("=", 1) for line in listed.stdout.split("\0") if line)

    def pids(self) -> dict[str, int]:
        files = (self.data_dir / "run").glob("*.pid")
        return {path.stem: int(path.read_text()) for path in files if path.stem != "supervisor"}

    def restarted(self, name: str, other_than: int) -> bool:
        return self.pids().get(name) not in (None, other_than)


@pytest.fixture
def demo(reachable_path: Path) -> Iterator[Demo]:
    demo = Demo(reachable_path)
    yield demo
    if demo.process is not None and demo.process.poll() is None:
        demo.process.terminate()
        demo.process.wait(LIMIT_SECONDS)


def test_one_command_starts_everything_and_one_signal_stops_it(demo: Demo) -> None:
    demo.started()
    pids = demo.pids()
    assert set(pids) == set(NAMES)
    assert all(map(is_alive, pids.values()))
    demo.stopped()
    assert not any(map(is_alive, pids.values()))
    assert demo.pids() == {}


def test_only_links_that_lead_somewhere_are_printed(demo: Demo) -> None:
    demo.started()
    links = set(re.findall(r"http://\S+", demo.output))
    assert links == {
        f"http://localhost:{demo.sandbox_port}/sandbox/",
        f"http://localhost:{demo.port}/api/docs",
    }


def test_data_secrets_and_addresses_survive_a_restart(demo: Demo) -> None:
    demo.started()
    first = demo.environment
    demo.stopped()
    demo.started()
    assert demo.environment == first
    assert (demo.data_dir / "log" / "migrate.log").read_text().splitlines()[-1] == "migrated 2 times"


def test_every_killed_process_runs_again(demo: Demo) -> None:
    demo.started()
    for name, pid in demo.pids().items():
        os.kill(pid, signal.SIGKILL)
        wait_until(partial(demo.restarted, name, pid), limit_seconds=RESTART_LIMIT_SECONDS)
    wait_until(lambda: not port_is_free(demo.port) and not port_is_free(demo.sandbox_port))
    assert set(demo.pids()) == set(NAMES)
    assert all(map(is_alive, demo.pids().values()))


def test_a_killed_demo_leaves_no_process_and_starts_again_with_its_data(demo: Demo) -> None:
    process = demo.started()
    pids = demo.pids()
    process.kill()
    process.wait()
    # At once: what the first one started is still stopping.
    demo.started()
    assert not any(map(is_alive, pids.values()))
    assert (demo.data_dir / "log" / "migrate.log").read_text().splitlines()[-1] == "migrated 2 times"


def test_given_variables_win_and_are_written_down(demo: Demo) -> None:
    demo.started({"BOT_USERNAME": "it's_mine", "ADMIN_IDS": "1,2", "COST_IMG_PRO": "11", "UNRELATED": "1"})
    environment = demo.environment
    assert environment["COST_IMG_PRO"] == "11"
    assert "UNRELATED" not in environment
    assert environment["BOT_USERNAME"] == "it's_mine"
    assert environment["ADMIN_IDS"] == "1,2"
    assert environment["PUBLIC_URL"] == f"http://127.0.0.1:{demo.port}"
    assert environment["TELEGRAM_API_URL"] == f"http://127.0.0.1:{demo.sandbox_port}"
    assert re.fullmatch(r"\d+:[A-Za-z0-9_-]{35}", environment["BOT_TOKEN"])


def test_servers_named_by_url_are_not_started(demo: Demo, redis_server_url: str) -> None:
    demo.started({"REDIS_URL": redis_server_url})
    assert set(demo.pids()) == set(NAMES) - {"redis"}
    assert demo.environment["REDIS_URL"] == redis_server_url


def test_the_written_variables_start_the_same_demo_again(demo: Demo) -> None:
    demo.started()
    written = demo.environment
    demo.stopped()
    demo.started(written)
    assert set(demo.pids()) == set(NAMES)


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_an_occupied_port_is_named_and_nothing_is_started(demo: Demo, name: str) -> None:
    port = demo.port if name == "PORT" else demo.sandbox_port
    with socket.create_server(("127.0.0.1", port)):
        assert demo.start().wait(LIMIT_SECONDS) == 1
    assert f"Port {port} ({name}) is taken" in demo.output
    assert demo.pids() == {}


def test_a_second_demo_is_refused_and_harms_nothing(demo: Demo) -> None:
    first = demo.started()
    pids = demo.pids()
    second = subprocess.run(
        [sys.executable, "-c", DEMO, str(demo.program)],
        cwd=ROOT,
        env={**machine_environment(), "PORT": str(demo.port), "DATA_DIR": str(demo.data_dir)},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert second.returncode == 1
    assert f"Port {demo.port} (PORT) is taken" in second.stdout
    assert f"already running here (process {first.pid})" in second.stdout
    assert demo.pids() == pids
    assert all(map(is_alive, pids.values()))


def test_a_failed_migration_is_shown_and_stops_everything(demo: Demo) -> None:
    assert demo.start({"BREAK": "migrate"}).wait(LIMIT_SECONDS) == 1
    assert "the schema is broken" in demo.output
    assert demo.pids() == {}


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"PORT": "eighty"}, "PORT must be a TCP port, not 'eighty'"),
        ({"S3_ENDPOINT_URL": "http://127.0.0.1:9"}, "S3_ACCESS_KEY and S3_SECRET_KEY must be"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named(demo: Demo, variables: dict[str, str], complaint: str) -> None:
    assert demo.start(variables).wait(LIMIT_SECONDS) == 1
    assert complaint in demo.output
    assert demo.pids() == {}


def test_the_secrets_are_readable_by_their_owner_alone(demo: Demo) -> None:
    demo.started()
    for path in (demo.data_dir / "secrets" / "demo.json", demo.data_dir / "run" / "env"):
        assert path.stat().st_mode & 0o077 == 0
