"""Submits a second through the service, against pgbench running the very same SQL on the same server."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

from sqlalchemy import Executable, TextClause, TextualSelect

from app.container import Container
from app.core.connections import Result, Session
from app.domain.actors import Actor
from app.domain.generations.models import Origin
from app.domain.generations.requests import SubmitGeneration
from app.domain.generations.views import Options
from app.sandbox.servers import postgres_binary
from tests.load.rig import Rig, enter_users, open_container

CLIENTS = 16
USERS = 1_000
_WARM_UP_SECONDS = 2.0
_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SubmitFigures:
    """Submits a second, and how many pgbench does with the same statements."""

    service: float
    pgbench: float
    statements: int

    @property
    def ratio(self) -> float:
        return self.service / self.pgbench


async def measure(rig: Rig) -> SubmitFigures:
    """Run both, one after the other, each with 16 clients over 1,000 users."""
    async with open_container(rig, DB_POOL_SIZE=str(CLIENTS), DB_MAX_OVERFLOW="0") as container:
        users = await enter_users(container, USERS, balance=900_000)
        recording = await _record(container, users[0])
        await _submit_for(container, users, _WARM_UP_SECONDS)
        service = await _submit_for(container, users, _SECONDS)
    script = rig.home / "submit.sql"
    script.write_text(recording.script(users[0], users[-1]))
    pgbench = await asyncio.to_thread(_run_pgbench, rig, script)
    return SubmitFigures(service, pgbench, len(recording.statements))


async def _submit_for(container: Container, users: list[int], seconds: float) -> float:
    stop_at = time.perf_counter() + seconds
    counts = [0] * CLIENTS

    async def client(number: int) -> None:
        turn = number
        while time.perf_counter() < stop_at:
            await container.services.generations.submit(Actor.user(users[turn % len(users)]), _request())
            counts[number] += 1
            turn += CLIENTS

    began_at = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return sum(counts) / (time.perf_counter() - began_at)


def _request() -> SubmitGeneration:
    return SubmitGeneration(
        model_key="image-standard", prompt="a red kite over the sea", options=Options("1:1"), origin=Origin.API
    )


@dataclass(slots=True)
class _Recording:
    """The statements of one submit, in order, with what they were given."""

    statements: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def script(self, first_user: int, last_user: int) -> str:
        """The same as a pgbench script: other users and ids each time, all else as recorded."""
        lines = [f"\\set user_id random({first_user}, {last_user})", "\\set a random(1, 4294967295)"]
        lines.append("\\set b random(1, 4294967295)")
        for statement, params in self.statements:
            lines.append(_rendered(statement, params) + ";")
        return "\n".join(lines) + "\n"


async def _record(container: Container, user_id: int) -> _Recording:
    """Let one submit run, its caches warm, and note what it says to the database."""
    await container.services.generations.submit(Actor.user(user_id), _request())
    recording = _Recording()

    run, command = Session.run, Session.command

    async def noted_run(session: Session, statement: Executable, params: Mapping[str, object]) -> Result:
        recording.statements.append((_textual(statement), dict(params)))
        return await run(session, statement, params)

    async def noted_command(session: Session, sql: str) -> str:
        recording.statements.append((sql, {}))
        return await command(session, sql)

    with mock.patch.object(Session, "run", noted_run), mock.patch.object(Session, "command", noted_command):
        await container.services.generations.submit(Actor.user(user_id), _request())
    return recording


def _textual(statement: Executable) -> str:
    """The words of a `text()` statement, also where its columns are declared."""
    textual = statement.element if isinstance(statement, TextualSelect) else statement
    assert isinstance(textual, TextClause)
    return textual.text


_NEW_ID = "CAST(lpad(to_hex(CAST(:a AS bigint)), 16, '0') || lpad(to_hex(CAST(:b AS bigint)), 16, '0') AS uuid)"


def _rendered(statement: str, params: dict[str, Any]) -> str:
    """A statement with its values in place; SQLAlchemy's escaped colons are plain ones again."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        return _literal(name, params[name]) if name in params else match.group(0)

    rendered = re.sub(r"(?<![:\\\w]):(\w+)", value, statement)
    return " ".join(rendered.replace("\\:", ":").split())


def _literal(name: str, value: Any) -> str:
    """A value as SQL; what differs from submit to submit is an expression over pgbench's variables."""
    if name == "user_id" or (name == "id" and isinstance(value, int)):
        return "CAST(:user_id AS bigint)"
    match value:
        case str() if name == "key":
            return f"'{value.partition(':')[0]}:' || {_NEW_ID}"
        case str() if name == "reference_id":
            return f"CAST({_NEW_ID} AS text)"
        case None:
            return "NULL"
        case UUID():
            return _NEW_ID
        case timedelta():
            return f"'{value.total_seconds()} seconds'"
        case dict():
            return f"'{json.dumps(value)}'::jsonb"
    if isinstance(value, list | tuple):
        value = "{" + ",".join(str(item) for item in value) + "}"
    return str(value) if isinstance(value, int | float) else f"'{value}'"


def _run_pgbench(rig: Rig, script: Path) -> float:
    argv = (
        str(postgres_binary("pgbench")),
        f"--client={CLIENTS}",
        "--jobs=2",
        f"--time={_SECONDS:.0f}",
        "--protocol=prepared",
        "--no-vacuum",
        f"--file={script}",
        rig.postgres.server.url,
    )
    finished = subprocess.run(argv, check=False, capture_output=True, text=True, cwd="/")
    assert finished.returncode == 0, finished.stderr
    output = finished.stdout
    found = re.search(r"tps = ([\d.]+)", output)
    failed = re.search(r"number of failed transactions: (\d+)", output)
    assert found is not None, output
    assert failed is not None, output
    assert int(failed.group(1)) == 0, output
    return float(found.group(1))
