"""Runs the product, its parts and its surroundings, and examines them."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from app.cli.console import AsJson, buildable_settings, print_json, read_settings, startable_settings


def demo() -> None:
    """Run the whole product on this machine, Telegram included."""
    from app.sandbox import demo as demonstration

    raise typer.Exit(demonstration.main())


def serve(*, no_worker: Annotated[bool, typer.Option("--no-worker", help="Web side only.")] = False) -> None:
    """Run web and worker in one process."""
    from app.main import serve as run

    run(startable_settings(), with_worker=not no_worker)


def worker() -> None:
    """Run the worker pool alone, to scale out."""
    from app.main import work

    asyncio.run(work(startable_settings()))


def migrate() -> None:
    """Bring the database to the newest schema."""
    from app.core.migrations import upgrade

    upgrade(buildable_settings().sqlalchemy_url)
    typer.echo("The schema is up to date.")


def sandbox(
    *,
    port: Annotated[int, typer.Option(help="Where to listen.")] = 8081,
    data_dir: Annotated[Path, typer.Option(envvar="DATA_DIR", help="Where to keep its state.")] = Path(".data"),
    flood_limits: Annotated[bool, typer.Option(help="Telegram's own limits of sending.")] = False,
    vendor_delay: Annotated[float | None, typer.Option(help="Every working time of the vendor, in seconds.")] = None,
) -> None:
    """Run the emulator of Telegram and of the vendors."""
    from app.sandbox.app import run
    from app.sandbox.config import SandboxConfig

    settings = read_settings()
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


def doctor(*, as_json: AsJson = False) -> None:
    """Check every setting and every dependency, and say what to mend. Exit status 1 when something is wrong."""
    from app.doctor import examine

    findings = asyncio.run(examine(read_settings()))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name}: {finding.detail}")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


def openapi() -> None:
    """Print the OpenAPI document; nothing has to run for it."""
    from app.main import create_app

    # The document depends on no connection, and nothing is connected to.
    unconnected = read_settings().model_copy(
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
    print_json(create_app(unconnected).openapi())
