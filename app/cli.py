"""`starbrush`: every command of the operator and the developer. Each builds what it needs and ends with a status."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import SecretStr, ValidationError

from app.core.errors import AppError
from app.settings import Settings

if TYPE_CHECKING:
    from app.container import Container
    from app.domain.actors import Actor
    from app.domain.users.views import UserView

T = TypeVar("T")

main = typer.Typer(name="starbrush", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
user = typer.Typer(no_args_is_help=True, help="Look at users and change what they may do.")
moderation = typer.Typer(no_args_is_help=True, help="Show and replace the rules for prompts.")
main.add_typer(user, name="user")
main.add_typer(moderation, name="moderation")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")]


@main.command()
def demo() -> None:
    """Run the whole product on this machine, Telegram included."""
    from app.sandbox import demo as demonstration

    raise typer.Exit(demonstration.main())


@main.command()
def serve(no_worker: Annotated[bool, typer.Option("--no-worker", help="Web side only.")] = False) -> None:
    """Run web and worker in one process."""
    from app.main import serve as run

    run(_startable_settings(), with_worker=not no_worker)


@main.command()
def worker() -> None:
    """Run the worker pool alone, to scale out."""
    from app.main import work

    asyncio.run(work(_startable_settings()))


@main.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from app.core.migrations import upgrade

    upgrade(_buildable_settings().sqlalchemy_url)
    typer.echo("The schema is up to date.")


@main.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Where to listen.")] = 8081,
    data_dir: Annotated[Path, typer.Option(envvar="DATA_DIR", help="Where to keep its state.")] = Path(".data"),
    flood_limits: Annotated[bool, typer.Option(help="Telegram's own limits of sending.")] = False,
    vendor_delay: Annotated[float | None, typer.Option(help="Every working time of the vendor, in seconds.")] = None,
) -> None:
    """Run the emulator of Telegram and of the vendors."""
    from app.sandbox.app import run
    from app.sandbox.config import SandboxConfig

    settings = _settings()
    run(
        SandboxConfig(
            port=port,
            data_dir=data_dir,
            bot_token=settings.bot_token.get_secret_value(),
            bot_username=settings.bot_username,
            alert_chat_id=settings.alert_chat_id,
            admin_ids=settings.admin_ids,
            database_url=settings.database_url.get_secret_value() or None,
            cabinet_url=f"{settings.public_url}/app/" if settings.public_url else None,
            vendor_delay_seconds=vendor_delay,
            flood_limits=flood_limits,
            tbank_terminals=settings.tbank_terminals,
        )
    )


@main.command()
def doctor(as_json: AsJson = False) -> None:
    """Check every setting and every dependency, and say what to mend. Exit status 1 when something is wrong."""
    from app.doctor import examine

    findings = asyncio.run(examine(_settings()))
    if as_json:
        _print([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name}: {finding.detail}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@main.command()
def reconcile(
    audit: Annotated[bool, typer.Option("--audit", help="Prove the audit log's chain as well.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Prove everything.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove the books of every user. Exit status 1 on a breach."""

    async def prove(container: "Container") -> dict[str, Any]:
        users, breaches = await container.services.books.prove_all()
        report: dict[str, Any] = {"users": users, "breaches": [asdict(breach) for breach in breaches]}
        if audit or full:
            report["broken_audit_entry"] = await container.services.books.find_broken_audit_entry()
        return report

    report = _with_container(prove)
    if as_json:
        _print(report)
    else:
        typer.echo(f"{report['users']} users proved, {len(report['breaches'])} breaches.")
        for breach in report["breaches"]:
            typer.echo(f"user {breach['user_id']}: {breach['rule']}: {breach['detail']}")
        if report.get("broken_audit_entry") is not None:
            typer.echo(f"The audit log is broken at entry {report['broken_audit_entry']}.")
    broken = bool(report["breaches"]) or report.get("broken_audit_entry") is not None
    raise typer.Exit(1 if broken else 0)


@main.command()
def openapi() -> None:
    """Print the OpenAPI document; nothing has to run for it."""
    from app.main import create_app

    # The document depends on no connection, and nothing is connected to.
    unconnected = _settings().model_copy(
        update={
            "bot_token": SecretStr("1:placeholder-of-a-token-never-used"),
            "telegram_api_url": "http://127.0.0.1:9",
            "database_url": SecretStr("postgresql://127.0.0.1:9/none"),
            "redis_url": SecretStr("redis://127.0.0.1:9/0"),
            "s3_endpoint_url": "http://127.0.0.1:9",
            "s3_public_url": "",
            "providers": (),
            "crash_at": "",
        }
    )
    _print(create_app(unconnected).openapi())


@main.command(context_settings={"ignore_unknown_options": True})
def grant(telegram_id: int, amount: int, reason: Reason, as_json: AsJson = False) -> None:
    """Give credits to a user, or take some with a negative amount."""

    async def adjust(container: "Container") -> "UserView":
        return await container.services.credits.adjust(_operator(), telegram_id, amount, reason=reason)

    _show_user(_with_container(adjust), as_json=as_json)


@user.command("show")
def user_show(telegram_id: int, as_json: AsJson = False) -> None:
    """Show a user."""
    _show_user(_with_container(lambda c: c.services.users.get_by_telegram_id(telegram_id)), as_json=as_json)


@user.command("ban")
def user_ban(
    telegram_id: int,
    value: Annotated[str, typer.Argument(help="on or off")] = "on",
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Ban a user in every surface; `off` lifts a ban and a suspension."""
    _require(value in {"on", "off"}, "VALUE must be on or off")

    async def change(container: "Container") -> "UserView":
        users = container.services.users
        act = users.ban if value == "on" else users.unban
        return await act(_operator(), telegram_id, reason=reason)

    _show_user(_with_container(change), as_json=as_json)


@user.command("suspend")
def user_suspend(
    telegram_id: int,
    reason: Reason,
    value: Annotated[str, typer.Argument(help="on or off")] = "on",
    until: Annotated[str | None, typer.Option("--until", help="ISO 8601, UTC unless said otherwise.")] = None,
    as_json: AsJson = False,
) -> None:
    """Suspend a user until a time; `off` lifts a suspension and leaves a ban."""
    _require(value in {"on", "off"}, "VALUE must be on or off")
    _require((until is not None) == (value == "on"), "--until goes with on, and only with on")
    moment = None if until is None else _moment(until)

    async def change(container: "Container") -> "UserView":
        users = container.services.users
        if moment is None:
            return await users.lift_suspension(_operator(), telegram_id, reason=reason)
        return await users.suspend(_operator(), telegram_id, until=moment, reason=reason)

    _show_user(_with_container(change), as_json=as_json)


@user.command("tier")
def user_tier(
    telegram_id: int,
    value: Annotated[str, typer.Argument(help="free, premium or vip")],
    until: Annotated[str | None, typer.Option("--until", help="ISO 8601; for ever when left out.")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Give a user a tier."""
    moment = _moment(until) if until is not None else None

    async def change(container: "Container") -> "UserView":
        return await container.services.users.set_tier(
            _operator(), telegram_id, tier=value, until=moment, reason=reason
        )

    _show_user(_with_container(change), as_json=as_json)


@moderation.command("show")
def moderation_show() -> None:
    """Print the rules in force, as the document that `replace` takes."""
    _print(_with_container(lambda container: container.services.moderation.show()))


@moderation.command("replace")
def moderation_replace(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A JSON document.")], reason: Reason
) -> None:
    """Replace the rules; every process takes them over within seconds."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        _fail(f"{path} is no JSON: {error}")

    async def change(container: "Container") -> None:
        await container.services.moderation.replace(_operator(), document, reason=reason)

    _with_container(change)
    typer.echo("The rules are in force.")


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False):
            name = ".".join(str(part) for part in problem["loc"]).upper() or "settings"
            typer.echo(f"{name}: {problem['msg']}", err=True)
        raise typer.Exit(1) from None


def _startable_settings() -> Settings:
    """Settings without a problem, or the end of the process: weak secrets must not go on line."""
    from app.doctor import list_problems

    settings = _settings()
    problems = list_problems(settings)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        _fail("Not started. `starbrush doctor` checks a configuration.")
    return settings


def _buildable_settings() -> Settings:
    """Settings of which what is given has the right shape, or the end of the process."""
    from app.doctor import list_misshapen

    settings = _settings()
    if problems := list_misshapen(settings):
        _fail("\n".join(problems))
    return settings


def _with_container(use: "Callable[[Container], Awaitable[T]]") -> T:
    """Run a use case and close everything; a refusal ends the process with its code and status 1."""
    from sqlalchemy.exc import SQLAlchemyError

    from app.container import Container
    from app.main import prepare_logging

    settings = _buildable_settings()
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
        _fail(f"{error.code} {json.dumps(error.params, ensure_ascii=False, default=str) if error.params else ''}")
    except (OSError, SQLAlchemyError) as error:
        _fail(f"The database does not answer: {str(error).splitlines()[0]}")


def _operator() -> "Actor":
    from app.domain.actors import Actor

    return Actor.operator(f"cli:{os.environ.get('USER', 'operator')}")


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        _fail(f"{value!r} is no time; write it like 2027-01-31T12:00")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _show_user(view: "UserView", *, as_json: bool) -> None:
    fields = asdict(view)
    if as_json:
        _print(fields)
        return
    for name, value in fields.items():
        typer.echo(f"{name}: {value}")


def _print(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def _require(fits: bool, complaint: str) -> None:
    if not fits:
        _fail(complaint)


def _fail(complaint: str) -> NoReturn:
    typer.echo(complaint.strip(), err=True)
    sys.exit(1)
