"""Shows and replaces the rules for prompts."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import Reason, fail, operator, print_json, with_container

if TYPE_CHECKING:
    from app.container import Container

moderation = typer.Typer(no_args_is_help=True, help="Show and replace the rules for prompts.")


@moderation.command("show")
def moderation_show() -> None:
    """Print the rules in force, as the document that `replace` takes."""
    print_json(with_container(lambda container: container.services.moderation.show()))


@moderation.command("replace")
def moderation_replace(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A JSON document.")], reason: Reason
) -> None:
    """Replace the rules; every process takes them over within seconds."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        fail(f"{path} is no JSON: {error}")

    async def change(container: "Container") -> tuple[tuple[str, str], ...]:
        await container.services.moderation.replace(operator(), document, reason=reason)
        return await container.services.judge.list_own_breaches()

    breaches = with_container(change)
    typer.echo("The rules are in force.")
    for style, category in breaches:
        typer.echo(f"By its own words the style {style} breaks the rule {category}; nobody is refused for them.")
