"""`starbrush demo`: the whole product on one machine, with nothing installed but this package."""

import os
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from app.sandbox.demo_settings import DEFAULT_PORT, DEFAULT_SANDBOX_PORT, DemoSettings, given_port, settle, shell_lines
from app.sandbox.processes import Command, ServerError, http_status, port_is_free
from app.sandbox.supervisor import Service, Stopped, Supervisor, SupervisorError, say

_PROGRAM: Final = Path(sysconfig.get_path("scripts")) / "starbrush"
_ROOT: Final = Path(__file__).resolve().parent.parent.parent
# The app finishes what it is at (DRAIN_SECONDS, 150 unless set) and says goodbye.
_DEFAULT_DRAIN_SECONDS: Final = 150.0
_AFTER_DRAIN_SECONDS: Final = 15.0
# A log that has grown larger than this is put aside at the next start.
_LOG_LIMIT_BYTES: Final = 20_000_000

# Title, whose port, path; a page that is not there (yet) is not printed.
_LINKS: Final = (
    ("Playground chat", "sandbox", "/sandbox/"),
    ("Cabinet", "app", "/app/"),
    ("Admin", "app", "/admin/"),
    ("API docs", "app", "/api/docs"),
    ("Metrics", "app", "/metrics"),
)


def main() -> int:
    """Run the demo until Ctrl-C or SIGTERM. Returns the exit status."""
    return run_demo(os.environ)


def run_demo(given: Mapping[str, str], *, program: Path = _PROGRAM) -> int:
    """Start everything, print the links, keep it running, and stop it in order.

    `given` are the variables that win over the demo's own; `DATA_DIR` among them says where everything is kept.
    `program` is the command whose `migrate`, `sandbox` and `serve` are run.
    Returns the exit status: 1 when something could not be started, and then nothing is left running.
    """
    data_dir = Path(given.get("DATA_DIR") or _ROOT / ".data").resolve()
    try:
        _run(given, data_dir, program)
    except (SupervisorError, ServerError) as error:
        say(f"\n{error}")
        return 1
    return 0


def _run(given: Mapping[str, str], data_dir: Path, program: Path) -> None:
    run_dir = data_dir / "run"
    log_dir = data_dir / "log"
    supervisor = Supervisor(run_dir=run_dir, log_dir=log_dir, say=say)
    supervisor.handle_signals()
    try:
        _claim(supervisor, given)
        settings = settle(given, data_dir=data_dir, example=_ROOT / ".env.example")
        _refuse(_taken_ports(settings.environment))
        _write_environment(run_dir / "env", settings)
        _set_large_logs_aside(log_dir)
        environment = {**settings.environment, "DATA_DIR": str(data_dir)}

        def command(*arguments: str) -> Command:
            return Command(argv=(str(program), *arguments), cwd=_ROOT, env=environment)

        supervisor.add(*_servers(settings), *_processes(settings, command))
        _start(supervisor, settings, command("migrate"), log_path=log_dir / "migrate.log")
        say(_links(settings))
        supervisor.keep()
        say("\nStopping; work in progress is finished first (Ctrl-C again to stop at once)")
    except Stopped:
        say("\nStopping")
    finally:
        supervisor.stop()
    say(f"Stopped; the data stays in {data_dir}")


def _claim(supervisor: Supervisor, given: Mapping[str, str]) -> None:
    try:
        supervisor.claim()
    except SupervisorError as error:
        # Whoever starts a second demo should also read which ports the first one holds.
        _refuse([*_taken_ports(given), str(error)])


def _taken_ports(environment: Mapping[str, str]) -> list[str]:
    ports = {"PORT": DEFAULT_PORT, "SANDBOX_PORT": DEFAULT_SANDBOX_PORT}
    wanted = {name: int(given_port(environment, name, default)) for name, default in ports.items()}
    return [
        f"Port {port} ({name}) is taken. Choose another one: make demo {name}={port + 10}"
        for name, port in wanted.items()
        if not port_is_free(port)
    ]


def _refuse(reasons: list[str]) -> None:
    if reasons:
        raise SupervisorError("\n".join(reasons))


def _write_environment(path: Path, settings: DemoSettings) -> None:
    path.touch(mode=0o600)
    path.write_text(
        "# Every setting of the running demo. A second process joins with:\n"
        "#   set -a; . .data/run/env; PORT=8090 .venv/bin/starbrush serve\n" + shell_lines(settings.environment)
    )


def _set_large_logs_aside(log_dir: Path) -> None:
    for log in log_dir.glob("*.log"):
        if log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.old"))


def _servers(settings: DemoSettings) -> list[Service]:
    return [
        Service(name=server.name, command=server.command, is_ready=server.is_ready, prepare=server.prepare)
        for server in settings.servers
    ]


def _processes(settings: DemoSettings, command: Callable[..., Command]) -> list[Service]:
    servers = tuple(server.name for server in settings.servers)
    port, sandbox_port = settings.port, settings.sandbox_port
    drain_seconds = float(settings.environment.get("DRAIN_SECONDS") or _DEFAULT_DRAIN_SECONDS)
    sandbox = Service(
        name="sandbox",
        command=lambda: command("sandbox", "--port", str(sandbox_port)),
        is_ready=lambda: http_status(sandbox_port, "/sandbox/api/bot") == 200,
        needs=servers,
    )
    app = Service(
        name="app",
        command=lambda: command("serve"),
        is_ready=lambda: http_status(port, "/readyz") == 200,
        needs=(*servers, "sandbox"),
        stop_limit_seconds=drain_seconds + _AFTER_DRAIN_SECONDS,
    )
    return [sandbox, app]


def _start(supervisor: Supervisor, settings: DemoSettings, migrate: Command, *, log_path: Path) -> None:
    names = [server.name for server in settings.servers]
    if names:
        say(f"Starting {', '.join(names)}")
        supervisor.start(*names)
    say("Migrating the database")
    supervisor.run_once("starbrush migrate", migrate, log_path=log_path)
    say("Starting the sandbox and the app")
    # Together, since both take their time to load; the app waits for Telegram however long it is away.
    supervisor.start("sandbox", "app")


def _links(settings: DemoSettings) -> str:
    ports = {"sandbox": settings.sandbox_port, "app": settings.port}
    found = [
        (title, f"http://localhost:{ports[whose]}{path}")
        for title, whose, path in _LINKS
        if http_status(ports[whose], path) not in (None, 404)
    ]
    hints = {
        "Admin": f"sign in as admin with {settings.environment['ADMIN_UI_PASSWORD']}",
        "Metrics": f"Authorization: Bearer {settings.environment['METRICS_TOKEN']}",
    }
    lines = [f"  {title:<16} {url:<38} {hints.get(title, '')}".rstrip() for title, url in found]
    return "\n".join(["", "Starbrush is running. Ctrl-C stops it.", "", *lines, ""])
