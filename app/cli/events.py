"""Shows the events that the inbox keeps, and has those handled once more whose handling failed."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import AsJson, Reason, fail, operator, print_json, with_container

if TYPE_CHECKING:
    from app.container import Container
    from app.domain.inbox.service import InboxItem

inbox = typer.Typer(no_args_is_help=True, help="Show kept events, and handle them once more.")

_STATES = ("owed", "failed", "handled")


@inbox.command("list")
def inbox_list(
    *,
    state: Annotated[str, typer.Option("--state", help="owed, failed or handled.")] = "failed",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the newest events in a state."""
    if state not in _STATES:
        fail(f"{state!r} is none of {', '.join(_STATES)}")

    async def read(container: "Container") -> "tuple[InboxItem, ...]":
        from app.domain.inbox.models import InboxState

        return await container.services.inbox.list_events(state=InboxState(state.upper()), limit=limit)

    items = with_container(read)
    if as_json:
        print_json([asdict(item) for item in items])
        return
    for item in items:
        typer.echo(
            f"{item.id}  {item.created_at:%Y-%m-%d %H:%M}  {item.source}  tried {item.attempts}×  {item.error or ''}"
        )
    if not items:
        typer.echo(f"No event is {state}.")


@inbox.command("replay")
def inbox_replay(
    event_id: Annotated[int, typer.Argument(help="As `inbox list` names it.")],
    reason: Reason,
    *,
    as_json: AsJson = False,
) -> None:
    """Handle an event once more, as if it came now; what it is about then reaches the chat."""

    async def replay(container: "Container") -> None:
        from app.bot.setup import Telegram
        from app.core.errors import AppError

        await container.open()
        # Not started: only so that somebody here handles updates.
        Telegram(container)
        try:
            await container.services.inbox.replay(operator(), event_id, reason=reason)
        except AppError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever its handler raises is what the operator wants to know
            fail(f"It failed again, and stays as it was: {type(error).__name__}: {error}")

    with_container(replay)
    if as_json:
        print_json({"id": event_id, "state": "HANDLED"})
        return
    typer.echo(f"Event {event_id} is handled.")
