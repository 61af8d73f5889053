"""What every command stands on: settings, a container for one use case, and how it speaks and ends."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer
from pydantic import ValidationError

from app.core.errors import AppError
from app.settings import Settings

if TYPE_CHECKING:
    from app.container import Container
    from app.domain.actors import Actor

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")]


def read_settings() -> Settings:
    """The settings, or the end of the process with a line for each that does not fit."""
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False):
            name = ".".join(str(part) for part in problem["loc"]).upper() or "settings"
            typer.echo(f"{name}: {problem['msg']}", err=True)
        raise typer.Exit(1) from None


def startable_settings() -> Settings:
    """Settings without a problem, or the end of the process: weak secrets must not go on line."""
    from app.doctor import list_problems

    settings = read_settings()
    problems = list_problems(settings)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        fail("Not started. `starbrush doctor` checks a configuration.")
    return settings


def buildable_settings() -> Settings:
    """Settings of which what is given has the right shape, or the end of the process."""
    from app.doctor import list_misshapen

    settings = read_settings()
    if problems := list_misshapen(settings):
        fail("\n".join(problems))
    return settings


def with_container(use: "Callable[[Container], Awaitable[T]]") -> T:
    """Run a use case and close everything; a refusal ends the process with its code and status 1."""
    from sqlalchemy.exc import SQLAlchemyError

    from app.container import Container
    from app.domain.ports import StarsRefused, StarsUnavailable
    from app.main import prepare_logging

    settings = buildable_settings()
    prepare_logging(settings.model_copy(update={"log_level": "ERROR"}))

    async def run() -> T:
        container = Container(settings)
        try:
            return await use(container)
        finally:
            await container.close()

    try:
        return asyncio.run(run())
    except AppError as error:
        fail(f"{error.code} {json.dumps(error.params, ensure_ascii=False, default=str) if error.params else ''}")
    except (StarsUnavailable, StarsRefused) as error:
        fail(f"Telegram does not answer: {error.detail}")
    except (OSError, SQLAlchemyError) as error:
        fail(f"The database does not answer: {str(error).splitlines()[0]}")


def operator() -> "Actor":
    """Who sits at this terminal, for the audit log."""
    from app.domain.actors import Actor

    return Actor.operator(f"cli:{os.environ.get('USER', 'operator')}")


def time_of(value: str) -> datetime:
    """A time as somebody typed it, or the end of the process."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        fail(f"{value!r} is no time; write it like 2027-01-31T12:00")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def print_json(value: object) -> None:
    """For programs."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def require(complaint: str, *, fits: bool) -> None:
    """End the process with the complaint unless it fits."""
    if not fits:
        fail(complaint)


def fail(complaint: str) -> NoReturn:
    """Complain, and end with status 1."""
    typer.echo(complaint.strip(), err=True)
    sys.exit(1)
